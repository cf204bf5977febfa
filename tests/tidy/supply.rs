//! Other people's code: `deny.toml` says which licences, crates and registries may come in; this holds Cargo.lock against it.
//! Advisories need a network: `cargo deny check advisories` asks for them by hand.

use std::process::Command;

use serde_json::Value;

use crate::no_complaints;

/// `deny.toml`.
struct Policy(toml::Table);

/// A crate that another brings in.
#[derive(Clone, Debug)]
struct Foreign {
    name: String,
    license: String,
    /// None of ours.
    source: Option<String>,
    checksum: bool,
}

impl Policy {
    fn read() -> Self {
        let path = aquifer_harness::repository().join("deny.toml");
        let text = std::fs::read_to_string(path).expect("deny.toml");
        Self(text.parse().expect("TOML"))
    }

    fn list(&self, table: &str, key: &str) -> Vec<toml::Value> {
        let list = self.0.get(table).and_then(|table| table.get(key)).and_then(toml::Value::as_array);
        list.unwrap_or_else(|| panic!("deny.toml has no list {table}.{key}")).clone()
    }

    fn texts(&self, table: &str, key: &str) -> Vec<String> {
        self.list(table, key).iter().map(|value| value.as_str().expect("text").to_owned()).collect()
    }

    /// `(crate, the rest)` of a list of tables.
    fn crates(&self, table: &str, key: &str) -> Vec<(String, toml::Value)> {
        let name = |value: &toml::Value| value.get("crate").and_then(toml::Value::as_str).expect("a crate").to_owned();
        self.list(table, key).into_iter().map(|value| (name(&value), value)).collect()
    }

    fn exceptions(&self, name: &str) -> Vec<String> {
        let of = |(_, value): &(String, toml::Value)| {
            let allowed = value.get("allow").and_then(toml::Value::as_array).expect("licences").clone();
            allowed.iter().map(|license| license.as_str().expect("text").to_owned()).collect::<Vec<_>>()
        };
        self.crates("licenses", "exceptions").iter().filter(|(of, _)| of == name).flat_map(of).collect()
    }

    fn check(&self, of: &Foreign) -> Vec<String> {
        let mut complaints = Vec::new();
        let name = &of.name;
        if let Some(source) = &of.source {
            let registries = self.texts("sources", "allow-registry");
            if !registries.iter().any(|registry| *source == format!("registry+{registry}")) {
                complaints.push(format!("{name} comes from {source}"));
            }
            if !of.checksum {
                complaints.push(format!("{name} has no checksum in Cargo.lock"));
            }
        }
        if let Some((_, ban)) = self.crates("bans", "deny").iter().find(|(banned, _)| banned == name) {
            let reason = ban.get("reason").and_then(toml::Value::as_str).unwrap_or_default();
            complaints.push(format!("{name} is banned: {reason}"));
        }
        let allowed = [self.texts("licenses", "allow"), self.exceptions(name)].concat();
        if !is_satisfied(&of.license, &|license| allowed.iter().any(|allowed| allowed == license)) {
            complaints.push(format!("{name} has the licence `{}`", of.license));
        }
        complaints
    }
}

/// Whether licences that are allowed satisfy an expression of SPDX; the old `A/B` is `A OR B`.
fn is_satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let text = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut at = 0;
    !words.is_empty() && any_of(&words, &mut at, allowed) && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut satisfied = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        satisfied |= all_of(words, at, allowed);
    }
    satisfied
}

fn all_of(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut satisfied = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        satisfied &= one(words, at, allowed);
    }
    satisfied
}

/// A licence, one with an exception that allows more, or an expression in brackets.
fn one(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let satisfied = any_of(words, at, allowed);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return satisfied && closed;
    }
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
    }
    allowed(word)
}

/// Sources and checksums of every platform, from the lock file; licences of those that this platform builds, which are here.
fn foreign() -> Vec<Foreign> {
    let root = aquifer_harness::repository();
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).expect("Cargo.lock");
    let lock: toml::Table = lock.parse().expect("TOML");
    let host = output(Command::new("rustc").arg("-vV"));
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned();
    let metadata = output(
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &host])
            .current_dir(&root),
    );
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let built = metadata["packages"].as_array().expect("packages");
    let license = |name: &str, version: &str| {
        let package = built.iter().find(|package| package["name"] == name && package["version"] == version);
        package.map(|package| package["license"].as_str().unwrap_or("none").to_owned())
    };
    let packages = lock.get("package").and_then(toml::Value::as_array).expect("packages");
    let packages = packages.iter().map(|package| {
        let text = |key: &str| package.get(key).and_then(toml::Value::as_str);
        let (name, version) = (text("name").expect("a name"), text("version").expect("a version"));
        Foreign {
            name: name.to_owned(),
            // What another platform would build is looked at there.
            license: license(name, version).unwrap_or_else(|| "MIT".to_owned()),
            source: text("source").map(str::to_owned),
            checksum: text("checksum").is_some(),
        }
    });
    packages.collect()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn what_comes_in_may_come_in() {
    let (policy, foreign) = (Policy::read(), foreign());
    assert!(foreign.len() > 100, "only {} crates", foreign.len());
    no_complaints(foreign.iter().flat_map(|one| policy.check(one)).collect());
}

/// What nobody needs any more is not allowed any more.
#[test]
fn every_licence_and_exception_is_needed() {
    let (policy, foreign) = (Policy::read(), foreign());
    let allowed = policy.texts("licenses", "allow");
    let without = |left_out: &str| {
        let fails = |of: &&Foreign| {
            let allowed = [allowed.clone(), policy.exceptions(&of.name)].concat();
            !is_satisfied(&of.license, &|license| license != left_out && allowed.iter().any(|other| other == license))
        };
        foreign.iter().any(|of| fails(&of))
    };
    let mut complaints: Vec<String> =
        allowed.iter().filter(|license| !without(license)).map(|license| format!("nothing needs {license}")).collect();
    for (name, _) in policy.crates("licenses", "exceptions") {
        let needed = foreign.iter().any(|of| {
            of.name == name && !is_satisfied(&of.license, &|license| allowed.iter().any(|other| other == license))
        });
        complaints.extend((!needed).then(|| format!("{name} needs no exception")));
    }
    no_complaints(complaints);
}

#[test]
fn what_may_not_come_in_is_found() {
    let policy = Policy::read();
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let of = |name: &str, license: &str, source: &str, checksum| {
        let (name, license, source) = (name.to_owned(), license.to_owned(), Some(source.to_owned()));
        policy.check(&Foreign { name, license, source, checksum }).len()
    };
    assert_eq!(of("good", "MIT OR GPL-3.0", registry, true), 0);
    assert_eq!(of("copyleft", "GPL-3.0", registry, true), 1);
    assert_eq!(of("none", "none", registry, true), 1);
    assert_eq!(of("openssl-sys", "MIT", registry, true), 1);
    assert_eq!(of("forked", "MIT", "git+https://example.org/x", true), 1);
    assert_eq!(of("unchecked", "MIT", registry, false), 1);
}

#[test]
fn expressions_of_licences_are_read() {
    let check = |expression: &str| is_satisfied(expression, &|license| ["MIT", "ISC"].contains(&license));
    for good in
        ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "(GPL-3.0 OR MIT) AND ISC", "MIT WITH some-exception", "MIT AND ISC"]
    {
        assert!(check(good), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT ISC", "ISC AND (GPL-3.0 OR EUPL-1.2)", "OR MIT"] {
        assert!(!check(bad), "{bad}");
    }
}
