//! What operators ask of a node: over plain HTTP, of its log, and of `cluster status`.

use std::io::{Read, Write};
use std::net::TcpStream;

use aquifer_harness::{Cluster, LIMIT, Signal, data, until};
use serde_json::Value;

use crate::aquifer;

/// An answer over HTTP/1.1.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn get(url: &str, page: &str, token: Option<&str>) -> Answer {
    let address = url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).expect("a node");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    let token = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
    write!(stream, "GET {page} HTTP/1.1\r\nHost: {address}\r\n{token}Connection: close\r\n\r\n").expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).expect("a status");
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// The figure of a page of metrics.
#[track_caller]
fn figure(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().expect("a number")
}

/// Every figure has its help and its type above it, no name stands twice, and the page of docs tells of each.
fn check_form(page: &str) {
    let docs = aquifer_harness::repository().join("docs/operations.md");
    let docs = std::fs::read_to_string(docs).expect("the page of operations");
    let (mut family, mut seen) = (String::new(), Vec::new());
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().expect("a name").to_owned();
            assert!(!seen.contains(&family), "{family} stands twice");
            seen.push(family.clone());
            assert!(docs.contains(&family), "docs/operations.md does not tell of {family}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let kind = kind.strip_prefix(&*family).expect("of the same name").trim();
            assert_eq!(kind == "counter", family.ends_with("_total"), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            assert_eq!(name.split('{').next(), Some(&*family), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}

fn search(aquifer: &aquifer_harness::Aquifer, cluster: &Cluster) -> aquifer_harness::Running {
    let mut arguments = vec!["grid".into(), data("adult/search.toml").into_os_string()];
    arguments.extend(["--set", "epochs=1", "--output", "json"].map(Into::into));
    arguments.extend(cluster.options());
    aquifer.start(arguments)
}

#[test]
fn nodes_answer_their_operators() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 1);
    search(&aquifer, &cluster).finish().ok();
    let token = std::fs::read_to_string(cluster.token_file()).expect("a token");
    let token = token.trim();
    let worker = cluster.status(&aquifer)["workers"][0]["address"].as_str().expect("an address").to_owned();
    for node in [&cluster.url(), &worker] {
        for page in ["/healthz", "/readyz"] {
            let answer = get(node, page, None);
            assert_eq!((answer.status, &*answer.body), (200, "ok\n"), "{node}{page}");
        }
        for wrong in [None, Some("wrong"), Some("")] {
            let answer = get(node, "/metrics", wrong);
            assert_eq!(answer.status, 401, "{node} {wrong:?}");
            assert!(answer.head.contains("www-authenticate: bearer") && !answer.body.contains("aquifer_"));
        }
        let answer = get(node, "/metrics", Some(token));
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
        check_form(&answer.body);
        assert!(figure(&answer.body, "process_resident_memory_bytes") > 1e6);
        assert_eq!(figure(&answer.body, "aquifer_term"), 1.0);
    }
    let page = get(&cluster.url(), "/metrics", Some(token)).body;
    assert_eq!(figure(&page, "aquifer_workers"), 1.0);
    assert_eq!(figure(&page, "aquifer_jobs{status=\"done\"}"), 1.0);
    assert_eq!(figure(&page, "aquifer_trials{state=\"running\"}"), 0.0);
    assert_eq!(figure(&page, "aquifer_trials_done_total"), 24.0, "four candidates of five folds and a final fit");
    assert!(figure(&page, "aquifer_journal_commits_total") > 0.0 && figure(&page, "aquifer_imported_rows_total") > 0.0);
    let page = get(&worker, "/metrics", Some(token)).body;
    for grown in ["rounds_total", "samples_total", "cohorts_total", "shards", "memory_peak_bytes", "disk_free_bytes"] {
        assert!(figure(&page, &format!("aquifer_worker_{grown}")) > 0.0, "{grown}");
    }
    assert_eq!(figure(&page, "aquifer_worker_memory_reserved_bytes"), 0.0, "what was reserved is given back");
}

#[test]
fn a_worker_without_its_coordinator_is_healthy_and_not_ready() {
    let aquifer = aquifer();
    std::fs::write(aquifer.dir().join("token"), "0123456789abcdef").expect("a token file");
    // Bound and dropped: free, and nobody listens there.
    let free = || std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let (own, coordinator) = (free().to_string(), format!("http://{}", free()));
    let _worker = aquifer.start(["worker", "--cluster", &coordinator, "--listen", &own]);
    until("the worker to listen", || TcpStream::connect(&own).ok());
    let url = format!("http://{own}");
    assert_eq!(get(&url, "/healthz", None).status, 200);
    let answer = get(&url, "/readyz", None);
    assert_eq!((answer.status, &*answer.body), (503, "not registered with its coordinator\n"));
    let page = get(&url, "/metrics", Some("0123456789abcdef")).body;
    assert_eq!(figure(&page, "aquifer_worker_registered"), 0.0);
}

/// The status tells what happened, and the log tells it with the names of what it happened to.
#[test]
fn a_lost_worker_is_told_of() {
    let aquifer = aquifer();
    let cluster = Cluster::with(&aquifer, 2).log("info,aquifer_worker=trace").log_format("json").start();
    let mut arguments = vec!["grid".into(), data("adult/search.toml").into_os_string()];
    arguments.extend(["--set", "epochs=1000000", "--set", "stopping_rounds=0"].map(Into::into));
    arguments.extend(cluster.options());
    let _search = aquifer.start(arguments);
    let lost = until("a worker at work", || {
        let status = cluster.status(&aquifer);
        let at_work = |worker: &&Value| worker["trials"].as_array().is_some_and(|trials| !trials.is_empty());
        status["workers"].as_array()?.iter().find(at_work).cloned()
    });
    assert!(Signal::Kill.send(lost["pid"].as_u64().expect("a pid") as u32), "the fault must hit a process");
    let events = until("the loss and what follows", || {
        let events = cluster.status(&aquifer)["events"].as_array()?.clone();
        events.iter().any(|event| event["what"] == "placed_again").then_some(events)
    });
    let (id, job) = (&lost["id"], &lost["trials"][0]);
    let of = |what: &str| events.iter().filter(|event| event["what"] == what).collect::<Vec<_>>();
    assert!(of("joined").len() >= 2, "{events:?}");
    assert_eq!(of("lost").len(), 1, "{events:?}");
    let loss = of("lost")[0];
    assert_eq!(&loss["worker"], id);
    assert!(loss["why"].as_str().is_some_and(|why| why.contains("session")) && loss["when"].as_u64() > Some(1 << 40));
    let again = of("placed_again")[0];
    assert_eq!(&again["job"], job);
    assert_eq!(again["why"], format!("{} is gone", id.as_str().expect("an id")));
    let token = cluster.token_file();
    let url = cluster.url();
    let table = ["cluster", "status", "--cluster", &url, "--token-file", token.to_str().expect("a path")];
    let table = aquifer.run(table).ok().stdout;
    assert!(table.contains("placed again") && table.contains("when (UTC)"), "{table}");

    let of_job = |line: &Value| line["job"] == *job && line["term"] == 1 && line["round"].is_u64();
    let lines = until("a round of the job in the log", || {
        let log = cluster.log();
        let lines = log.lines().filter(|line| line.starts_with('{'));
        let lines: Vec<Value> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
        let done = |line: &&Value| line["message"] == "a round is done" && of_job(line) && line["worker"].is_string();
        lines.iter().any(|line| done(&line)).then_some(lines)
    });
    // A field means one thing: a trial is its number, a state has an identity.
    for line in &lines {
        assert!(line["trial"].is_null() || line["trial"].is_u64(), "{line}");
    }
    let said = |message: &str| lines.iter().filter(|line| line["message"] == message).collect::<Vec<_>>();
    let lost_line = said("a worker is lost");
    assert_eq!((&lost_line[0]["worker"], &lost_line[0]["term"]), (id, &1.into()), "{lost_line:?}");
    assert!(said("a cohort begins").iter().any(|line| line["generation"].is_u64() && line["level"] == "INFO"));
}
