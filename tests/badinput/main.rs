//! Files that are damaged, lie, or are immense: each is imported in a process with 512 MiB of address space and 10 s of
//! time, and must give a typed error or the right answer.
//!
//! What a case may end in no test harness survives: an abort for want of memory, a stack that overflows. So this suite
//! has a main of its own: the parent starts this program again, twice at a time, and reads from each what it is doing
//! ([`lanes`]); a child works through the cases of a group ([`child`]). `cargo test --test badinput -- NAME` runs the
//! groups that have NAME in theirs, and `-- NAME NUMBER` one case, with what came of it.

mod awkward;
mod bombs;
mod case;
mod certificates;
mod child;
mod disk;
mod flipped;
mod footers;
mod forge;
mod headers;
mod immense;
mod journals;
mod json;
mod lanes;
mod lies;
mod models;
mod mutate;
mod pages;
mod sealed;
mod seeds;
mod specs;
mod states;
mod thrift;
mod truncated;

use std::process::ExitCode;

use case::Group;

const GROUPS: [Group; 14] = [
    Group { name: "awkward", prepare: case::nothing, cases: awkward::cases },
    Group { name: "truncated", prepare: case::nothing, cases: truncated::cases },
    Group { name: "flipped", prepare: case::nothing, cases: flipped::cases },
    Group { name: "footers", prepare: case::nothing, cases: footers::cases },
    Group { name: "pages", prepare: case::nothing, cases: pages::cases },
    Group { name: "bodies", prepare: case::nothing, cases: pages::bodies },
    Group { name: "bombs", prepare: bombs::prepare, cases: bombs::cases },
    Group { name: "immense", prepare: immense::prepare, cases: immense::cases },
    Group { name: "disk", prepare: disk::prepare, cases: disk::cases },
    Group { name: "models", prepare: models::prepare, cases: models::cases },
    Group { name: "specs", prepare: case::nothing, cases: specs::cases },
    Group { name: "journals", prepare: journals::prepare, cases: journals::cases },
    Group { name: "states", prepare: case::nothing, cases: states::cases },
    Group { name: "certificates", prepare: certificates::prepare, cases: certificates::cases },
];

fn main() -> ExitCode {
    if let Some(order) = child::Order::from_environment() {
        return child::run(&order);
    }
    // Flags are the harness's that we are not: they change nothing here.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let name = words.first().map_or("", String::as_str);
    let only = words.get(1).and_then(|number| number.parse().ok());
    let groups: Vec<&Group> = GROUPS.iter().filter(|group| group.name.contains(name)).collect();
    if std::env::args().any(|word| word == "--list") {
        groups.iter().for_each(|group| println!("{}: test", group.name));
        return ExitCode::SUCCESS;
    }

    println!("\nrunning {} tests", groups.len());
    let mut failed = 0;
    for group in &groups {
        let tally = lanes::run(group, only);
        tally.print(group.name);
        failed += usize::from(!tally.failures.is_empty());
    }
    let (result, passed) = (if failed == 0 { "ok" } else { "FAILED" }, groups.len() - failed);
    let filtered = GROUPS.len() - groups.len();
    println!(
        "\ntest result: {result}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out\n"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
