//! The points of a search, by number: walked, or drawn without repeats. A point is made when it is asked for.

use std::collections::BTreeSet;

use aquifer_frame::Philox;
use aquifer_model::{Dimension, RawSearch, Search, SpecValue, Strategy};

use super::values::Values;

/// The largest space of numbered points that is shuffled; above it repeats are rare, and drawn again.
const SHUFFLED_POINTS_MAX: u64 = 1 << 20;
/// Draws for one point before a search takes it that none is left.
const ATTEMPTS_MAX: u32 = 1_000;
/// What the draws are for: part of what a search's seed means.
const PURPOSE: &str = "search.points";

/// The parameters of a candidate, in the order of their names.
pub type Point = Vec<(String, SpecValue)>;

/// All points of a search. The same search has the same points, in whatever order they are asked for.
///
/// Ranges among lists that are walked have no points, nor has an empty list: the spec's check refuses both.
#[derive(Debug)]
pub struct Points {
    dimensions: Vec<(String, Values)>,
    way: Way,
    len: u32,
}

#[derive(Debug)]
enum Way {
    /// Every combination; the first name varies slowest.
    Product,
    /// The i-th values of every list.
    Together,
    /// Every combination, at the places of a permutation.
    Shuffled(Vec<u32>),
    Drawn(Drawn),
}

/// Draws so far: what point n is depends on those before it.
#[derive(Debug)]
struct Drawn {
    philox: Philox,
    /// Which attempt of each number gave its point.
    attempts: Vec<u32>,
    /// Points as text.
    seen: BTreeSet<String>,
    /// Some number had no attempt left.
    is_over: bool,
}

impl Points {
    pub fn new(search: &RawSearch) -> Self {
        let Search { strategy, max_models: limit, search_seed: seed, .. } = search.resolve();
        let has_range = search.params.values().any(|dimension| matches!(dimension, Dimension::Range { .. }));
        let is_random = match strategy {
            Strategy::Random => true,
            Strategy::Halving => limit > 0 || has_range,
            Strategy::Cartesian | Strategy::Sequential => false,
        };
        let values = if is_random { Values::distinct } else { Values::new };
        let dimensions: Vec<_> = search.params.iter().map(|(name, d)| (name.clone(), values(d))).collect();
        let (way, points) = match strategy {
            _ if is_random => random(&dimensions, seed),
            Strategy::Sequential => (Way::Together, shortest(&dimensions)),
            _ => (Way::Product, combinations(&dimensions).unwrap_or(0)),
        };
        let len = if limit > 0 { points.min(limit) } else { points };
        Self { dimensions, way, len: u32::try_from(len).unwrap_or(u32::MAX) }
    }

    /// How many candidates there are. Where points are drawn it is a bound, `max_models` (u32::MAX without it), since only
    /// drawing shows when none is left.
    pub fn len(&self) -> u32 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The point of a candidate's number; None past the end, and once no point was found that had not occurred before.
    pub fn point(&mut self, number: u32) -> Option<Point> {
        if number >= self.len {
            return None;
        }
        match &mut self.way {
            Way::Product => combination(&self.dimensions, u64::from(number)),
            Way::Together => self.dimensions.iter().map(|(name, values)| at(name, values, u64::from(number))).collect(),
            Way::Shuffled(order) => combination(&self.dimensions, u64::from(*order.get(number as usize)?)),
            Way::Drawn(drawn) => drawn.point(&self.dimensions, number),
        }
    }
}

impl Drawn {
    fn point(&mut self, dimensions: &[(String, Values)], number: u32) -> Option<Point> {
        while self.attempts.len() <= number as usize && !self.is_over {
            self.draw_next(dimensions);
        }
        draw(&self.philox, dimensions, number, *self.attempts.get(number as usize)?)
    }

    fn draw_next(&mut self, dimensions: &[(String, Values)]) {
        let number = self.attempts.len() as u32;
        let is_new = |attempt: &u32| {
            let point = draw(&self.philox, dimensions, number, *attempt);
            point.is_some_and(|point| self.seen.insert(text(&point)))
        };
        match (0..ATTEMPTS_MAX).find(is_new) {
            Some(attempt) => self.attempts.push(attempt),
            None => self.is_over = true,
        }
    }
}

/// The way of a random search, and how many points it has at most.
fn random(dimensions: &[(String, Values)], seed: u64) -> (Way, u64) {
    let philox = Philox::new(seed, PURPOSE);
    match combinations(dimensions) {
        Some(points) if points <= SHUFFLED_POINTS_MAX => {
            (Way::Shuffled(philox.permutation(points as usize, 0, 0)), points)
        }
        points => {
            let drawn = Drawn { philox, attempts: Vec::new(), seen: BTreeSet::new(), is_over: false };
            (Way::Drawn(drawn), points.unwrap_or(u64::MAX))
        }
    }
}

/// How many combinations there are; None if a dimension's values cannot be numbered.
fn combinations(dimensions: &[(String, Values)]) -> Option<u64> {
    dimensions.iter().try_fold(1, |points: u64, (_, values)| Some(points.saturating_mul(values.count()?)))
}

/// The length of the shortest list.
fn shortest(dimensions: &[(String, Values)]) -> u64 {
    dimensions.iter().map(|(_, values)| values.count().unwrap_or(0)).min().unwrap_or(0)
}

/// The combination of a number, as digits of which the last varies fastest.
fn combination(dimensions: &[(String, Values)], number: u64) -> Option<Point> {
    let mut rest = number;
    let digits = dimensions.iter().rev().map(|(name, values)| {
        let count = values.count()?;
        let value = at(name, values, rest.checked_rem(count)?);
        rest /= count;
        value
    });
    let mut point = digits.collect::<Option<Point>>()?;
    point.reverse();
    Some(point)
}

fn at(name: &str, values: &Values, number: u64) -> Option<(String, SpecValue)> {
    Some((name.to_owned(), values.at(number)?))
}

/// A draw is keyed by (attempt, dimension, number).
fn draw(philox: &Philox, dimensions: &[(String, Values)], number: u32, attempt: u32) -> Option<Point> {
    let values = dimensions.iter().enumerate().map(|(dimension, (name, values))| {
        let [high, low, ..] = philox.draw(attempt, dimension as u64, u64::from(number));
        Some((name.clone(), values.draw(u64::from(high) << 32 | u64::from(low))?))
    });
    values.collect()
}

fn text(point: &Point) -> String {
    point.iter().map(|(_, value)| format!("{value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integers(values: impl IntoIterator<Item = i64>) -> Dimension {
        Dimension::Choices(values.into_iter().map(SpecValue::Integer).collect())
    }

    fn search(strategy: Strategy, params: &[(&str, Dimension)]) -> RawSearch {
        let params = params.iter().map(|(name, dimension)| ((*name).to_owned(), dimension.clone())).collect();
        RawSearch { strategy: Some(strategy), params, ..RawSearch::default() }
    }

    fn float(min: f64, max: f64) -> Dimension {
        Dimension::Range { min, max, log: false, integer: false }
    }

    fn all(search: &RawSearch) -> Vec<Point> {
        let mut points = Points::new(search);
        (0..points.len()).map_while(|number| points.point(number)).collect()
    }

    fn texts(search: &RawSearch) -> Vec<String> {
        all(search).iter().map(|point| text(point).trim_end().replace('\n', " ")).collect()
    }

    fn distinct(points: &[Point]) -> usize {
        points.iter().map(text).collect::<BTreeSet<_>>().len()
    }

    #[test]
    fn cartesian_varies_the_last_name_fastest() {
        let mut search = search(Strategy::Cartesian, &[("b", integers([1, 2, 3])), ("a", integers([8, 9]))]);
        assert_eq!(texts(&search), ["8 1", "8 2", "8 3", "9 1", "9 2", "9 3"]);
        assert_eq!(all(&search)[4], [("a".to_owned(), 9.into()), ("b".to_owned(), 2.into())]);
        search.max_models = Some(4);
        assert_eq!(texts(&search), ["8 1", "8 2", "8 3", "9 1"]);
        search.max_models = Some(0);
        assert_eq!(all(&search).len(), 6);
        search.strategy = None;
        assert_eq!(all(&search).len(), 6);
    }

    #[test]
    fn a_hundred_thousand_points_decode() {
        let search = search(
            Strategy::Cartesian,
            &[("a", integers(0..10)), ("b", integers(0..50)), ("c", integers(0..20)), ("d", integers(0..10))],
        );
        let mut points = Points::new(&search);
        assert_eq!(points.len(), 100_000);
        for number in 0..100_000 {
            let digits = points.point(number).unwrap();
            let digits: Vec<i64> = digits.iter().filter_map(|(_, value)| value.as_integer()).collect();
            assert_eq!(((digits[0] * 50 + digits[1]) * 20 + digits[2]) * 10 + digits[3], i64::from(number));
        }
        assert_eq!(points.point(100_000), None);
    }

    #[test]
    fn sequential_takes_lists_together() {
        let mut search = search(Strategy::Sequential, &[("a", integers([1, 2, 2])), ("b", integers([7, 8, 8]))]);
        assert_eq!(texts(&search), ["1 7", "2 8", "2 8"]);
        search.max_models = Some(2);
        assert_eq!(texts(&search), ["1 7", "2 8"]);
    }

    #[test]
    fn spaces_too_large_to_count_have_a_length() {
        let large: Vec<(String, Dimension)> = (0..12).map(|i| (format!("p{i}"), integers(0..100))).collect();
        let large: Vec<(&str, Dimension)> = large.iter().map(|(name, d)| (name.as_str(), d.clone())).collect();
        for strategy in [Strategy::Cartesian, Strategy::Random] {
            let mut points = Points::new(&search(strategy, &large));
            assert_eq!(points.len(), u32::MAX);
            assert!(points.point(20).is_some());
        }
    }

    /// Small spaces are shuffled: every point comes once, and then none.
    #[test]
    fn random_uses_a_small_space_up() {
        let mut search = search(Strategy::Random, &[("a", integers(0..40)), ("b", integers([1, 2, 1, 3, 3]))]);
        let points = all(&search);
        assert_eq!((points.len(), distinct(&points)), (120, 120));
        search.max_models = Some(1_000);
        assert_eq!(all(&search), points);
        search.max_models = Some(50);
        assert_eq!(all(&search), points[..50]);
        search.max_models = None;
        search.strategy = Some(Strategy::Cartesian);
        assert_ne!(all(&search)[..120], points);
        let whole = Dimension::Range { min: 1.0, max: 30.0, log: false, integer: true };
        let points = all(&self::search(Strategy::Random, &[("a", whole), ("b", integers([1, 2]))]));
        assert_eq!((points.len(), distinct(&points)), (60, 60));
    }

    /// Values that cannot be numbered are drawn, and drawn again while they repeat.
    #[test]
    fn random_repeats_no_draw_even_when_few_are_left() {
        let few = Dimension::Range { min: 1.0, max: 20.0, log: true, integer: true };
        let mut search = search(Strategy::Random, &[("a", few), ("b", integers([1, 2]))]);
        let points = all(&search);
        assert_eq!((points.len(), distinct(&points)), (40, 40));
        search.max_models = Some(38);
        assert_eq!(all(&search), points[..38]);
        let mut past = Points::new(&search);
        assert_eq!((past.point(38), past.point(u32::MAX)), (None, None));
        search.max_models = None;
        let mut past = Points::new(&search);
        assert_eq!((past.point(1_000_000), past.point(40), past.point(39)), (None, None, points.last().cloned()));
    }

    #[test]
    fn random_draws_from_large_lists_without_repeats() {
        let mut search = search(Strategy::Random, &[("a", integers(0..1_025)), ("b", integers(0..1_024))]);
        assert_eq!(Points::new(&search).len(), 1_025 * 1_024);
        search.max_models = Some(5_000);
        let points = all(&search);
        assert_eq!((points.len(), distinct(&points)), (5_000, 5_000));
        let firsts: Vec<Point> = points.iter().map(|point| point[..1].to_vec()).collect();
        assert!(distinct(&firsts) > 1_000);
    }

    #[test]
    fn a_seed_is_its_points() {
        let shuffled = search(Strategy::Random, &[("a", integers(0..100))]);
        let mut drawn = search(Strategy::Random, &[("a", float(0.0, 1.0)), ("b", integers(0..100))]);
        drawn.max_models = Some(100);
        for mut search in [shuffled, drawn] {
            let unseeded = all(&search);
            search.search_seed = Some(1);
            assert_eq!(all(&search), unseeded);
            search.search_seed = Some(2);
            let other = all(&search);
            assert_eq!(other.len(), 100);
            assert_ne!(other, unseeded);
        }
    }

    /// What a seed gives is part of the contract: a search that goes on with another version must get the same.
    #[test]
    fn points_of_seed_one_are_these() {
        let mut search = search(
            Strategy::Random,
            &[
                ("hidden", integers([50, 100, 200])),
                ("l1", float(0.0, 0.01)),
                ("learning_rate", Dimension::Range { min: 1e-4, max: 0.1, log: true, integer: false }),
            ],
        );
        search.max_models = Some(3);
        assert_eq!(
            texts(&search),
            ["200 0.00566755 0.000225677", "200 0.0058925 0.000188589", "100 0.00673457 0.00676488"]
        );
    }

    #[test]
    fn points_may_be_asked_for_in_any_order() {
        let few = Dimension::Range { min: 1.0, max: 100.0, log: true, integer: true };
        let mut drawn = search(Strategy::Random, &[("a", few), ("b", integers([1, 2]))]);
        drawn.max_models = Some(150);
        let shuffled = search(Strategy::Random, &[("a", integers(0..150))]);
        for search in [drawn, shuffled] {
            let expected = all(&search);
            assert_eq!(expected.len(), 150);
            let mut points = Points::new(&search);
            for number in (0..150).map(|i| i * 77 % 150).chain([3, 3]) {
                assert_eq!(points.point(number).as_ref(), expected.get(number as usize), "{number}");
            }
        }
    }

    #[test]
    fn halving_is_random_if_it_is_bounded_or_has_a_range() {
        let lists = [("a", integers(0..30))];
        let halving = |max_models, params: &[(&str, Dimension)]| {
            all(&RawSearch { max_models, ..search(Strategy::Halving, params) })
        };
        let random = all(&search(Strategy::Random, &lists));
        assert_eq!(halving(None, &lists), all(&search(Strategy::Cartesian, &lists)));
        assert_eq!(halving(Some(0), &lists), all(&search(Strategy::Cartesian, &lists)));
        assert_eq!(halving(Some(8), &lists), random[..8]);
        assert_eq!(halving(Some(8), &[("a", float(0.0, 1.0))]).len(), 8);
    }

    #[test]
    fn what_cannot_be_walked_has_no_points() {
        for strategy in [Strategy::Cartesian, Strategy::Sequential, Strategy::Random, Strategy::Halving] {
            let mut points = Points::new(&search(strategy, &[("a", integers([])), ("b", integers([1]))]));
            assert!(points.is_empty());
            assert_eq!(points.point(0), None);
        }
        for strategy in [Strategy::Cartesian, Strategy::Sequential] {
            assert!(Points::new(&search(strategy, &[("a", float(0.0, 1.0))])).is_empty());
        }
        let mut points = Points::new(&search(Strategy::Random, &[("a", integers([])), ("b", float(0.0, 1.0))]));
        assert_eq!(points.point(0), None);
    }
}
