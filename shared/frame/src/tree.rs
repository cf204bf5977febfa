//! The fixed tree of every floating-point reduction.
//!
//! `tree(lo, n)` is a leaf for n = 1; else its left child has the largest power of two below n. A node is therefore a
//! pair (lo, n), and an owner of the leaves `a..b` may add up whole nodes only: [`whole_nodes`] lists them. [`Fold`]
//! puts nodes that arrive in order together again, so the sum is the same however the leaves were shared out.

use std::ops::Range;

/// The sub-tree over the leaves `lo .. lo + n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    pub lo: u64,
    pub n: u64,
}

impl Node {
    /// Left and right child; none for a leaf.
    pub fn children(self) -> Option<(Node, Node)> {
        if self.n < 2 {
            return None;
        }
        let left = 1 << (self.n - 1).ilog2();
        Some((Node { lo: self.lo, n: left }, Node { lo: self.lo + left, n: self.n - left }))
    }
}

/// The largest nodes of `tree(0, total)` that lie inside `leaves`, in order.
pub fn whole_nodes(leaves: Range<u64>, total: u64) -> Vec<Node> {
    fn walk(node: Node, leaves: &Range<u64>, found: &mut Vec<Node>) {
        let end = node.lo + node.n;
        if end <= leaves.start || node.lo >= leaves.end {
            return;
        }
        match node.children() {
            Some((left, right)) if node.lo < leaves.start || end > leaves.end => {
                walk(left, leaves, found);
                walk(right, leaves, found);
            }
            _ => found.push(node),
        }
    }
    let mut found = Vec::new();
    if total > 0 {
        walk(Node { lo: 0, n: total }, &leaves, &mut found);
    }
    found
}

/// Adds nodes that come in order of their leaves, in the shape of `tree(0, total)`, whatever `total` will be.
///
/// A value of `None` is a skipped node (a rank of weight 0); a node of two skipped children is skipped.
#[derive(Clone, Debug)]
pub struct Fold<T> {
    stack: Vec<(Node, Option<T>)>,
}

impl<T> Default for Fold<T> {
    fn default() -> Self {
        Self { stack: Vec::new() }
    }
}

impl<T> Fold<T> {
    /// Adds the next node; it must begin where the last one ended.
    pub fn push(&mut self, node: Node, value: Option<T>, mut add: impl FnMut(T, T) -> T) {
        assert!(self.stack.last().is_none_or(|(last, _)| last.lo + last.n == node.lo), "nodes come in order");
        self.stack.push((node, value));
        // Two neighbours are one node as soon as they have the same power of two of leaves and the left one is aligned.
        while let [.., (left, _), (right, _)] = &self.stack[..]
            && left.n == right.n
            && left.n.is_power_of_two()
            && left.lo.is_multiple_of(2 * left.n)
        {
            self.join(&mut add);
        }
    }

    /// The nodes so far, in order: what the owner of a part of the leaves hands on.
    pub fn into_nodes(self) -> Vec<(Node, Option<T>)> {
        self.stack
    }

    /// The whole sum: what is left over is joined from the right. `None` if all were skipped.
    pub fn finish(mut self, mut add: impl FnMut(T, T) -> T) -> Option<T> {
        while self.stack.len() > 1 {
            self.join(&mut add);
        }
        self.stack.pop().and_then(|(_, value)| value)
    }

    fn join(&mut self, add: &mut impl FnMut(T, T) -> T) {
        let (Some((right, b)), Some((left, a))) = (self.stack.pop(), self.stack.pop()) else { return };
        let sum = match (a, b) {
            (Some(a), Some(b)) => Some(add(a, b)),
            (a, b) => a.or(b),
        };
        self.stack.push((Node { lo: left.lo, n: left.n + right.n }, sum));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, written as a parenthesised text.
    fn shape(node: Node) -> String {
        match node.children() {
            None => node.lo.to_string(),
            Some((l, r)) => format!("({} {})", shape(l), shape(r)),
        }
    }

    fn fold(total: u64, cuts: &[u64]) -> String {
        let add = |a: String, b: String| format!("({a} {b})");
        let mut whole = Fold::default();
        for pair in cuts.windows(2) {
            for node in whole_nodes(pair[0]..pair[1], total) {
                whole.push(node, Some(shape(node)), add);
            }
        }
        whole.finish(add).unwrap_or_default()
    }

    #[test]
    fn has_the_golden_shapes() {
        let check = |n, expected: &str| assert_eq!(shape(Node { lo: 0, n }), expected);
        check(1, "0");
        check(2, "(0 1)");
        check(3, "((0 1) 2)");
        check(5, "(((0 1) (2 3)) 4)");
        check(6, "(((0 1) (2 3)) (4 5))");
        check(7, "(((0 1) (2 3)) ((4 5) 6))");
    }

    #[test]
    fn is_the_same_for_any_sharing_of_1_to_33_leaves() {
        for total in 1..=33 {
            let expected = shape(Node { lo: 0, n: total });
            assert_eq!(fold(total, &[0, total]), expected);
            for cut in 0..=total {
                assert_eq!(fold(total, &[0, cut, total]), expected, "{total} leaves cut at {cut}");
                assert_eq!(
                    fold(total, &[0, cut / 2, cut, total]),
                    expected,
                    "{total} leaves cut at {cut} and its half"
                );
            }
            let each: Vec<u64> = (0..=total).collect();
            assert_eq!(fold(total, &each), expected);
        }
    }

    #[test]
    fn skips_what_is_empty() {
        let mut whole = Fold::default();
        for lo in 0..5 {
            whole.push(Node { lo, n: 1 }, (lo == 2).then_some(lo), |a, b| a + b);
        }
        assert_eq!(whole.finish(|a, b| a + b), Some(2));
        let mut none = Fold::<u8>::default();
        none.push(Node { lo: 0, n: 1 }, None, |a, _| a);
        assert_eq!(none.finish(|a, _| a), None);
    }
}
