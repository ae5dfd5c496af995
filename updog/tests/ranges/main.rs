//! Ranges of a target from servers that have them, that have none, and that lie about them.

#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(clippy::single_range_in_vec_init)] // a list of one range is what is meant

mod server;

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use semver::Version;
use server::{Answer, Asked, Server};
use tokio::runtime::Builder;
use tokio::sync::mpsc::channel;
use tokio::task::spawn_blocking;
use updog::config::{Roots, Settings};
use updog::http::{Client, Download, HttpError, Query};
use updog::source::{Delivery, FetchError};

const MIB: usize = 1 << 20;

/// How long a server waits for what never comes where the client is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of which none looks like the one a bit further on.
fn content(length: usize) -> Vec<u8> {
    let byte = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0];
    (0..u64::try_from(length).unwrap()).map(byte).collect()
}

/// A host whose only mirror is at `url`.
struct Host {
    settings: Settings,
    client: Client,
    query: Query,
    length: u64,
}

impl Host {
    fn new(url: &str, whole: &[u8], more: &str) -> Self {
        // Fails only when another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let text =
            format!("metadata_base_url = '{url}'\ntargets_base_url = '{url}'\nseed = 1\n{more}\n");
        let settings = Settings::parse(&text, Path::new("updog.toml")).unwrap();
        let query = Query::default();
        let roots = Roots::Only(Vec::new());
        let client = Client::new(&settings.network, &roots, query.clone()).unwrap();
        let client = client.throttled(settings.limits.rate);
        Self { settings, client, query, length: u64::try_from(whole.len()).unwrap() }
    }

    /// Fetches ranges; `taken` is called with each piece that is taken out of the channel, and none is before `may_begin` has come back, which
    /// holds up nothing else.
    fn fetch_by(
        &self,
        ranges: &[Range<u64>],
        may_begin: impl FnOnce() + Send + 'static,
        mut taken: impl FnMut(&Bytes),
    ) -> (Result<(), FetchError>, Vec<u8>, u64) {
        let targets = &self.settings.sources[0].targets;
        let download = Download::new(&self.client, targets, "target", self.length).unwrap();
        let delivery = Delivery::Download(download);
        let (sink, mut pieces) = channel::<Bytes>(1);
        let mut told = 0;
        let send = async {
            let sink = sink;
            delivery.ranges(ranges, &sink, |bytes| told += bytes).await
        };
        let take = async {
            let mut body = Vec::new();
            spawn_blocking(may_begin).await.unwrap();
            while let Some(piece) = pieces.recv().await {
                taken(&piece);
                body.extend_from_slice(&piece);
            }
            body
        };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (sent, body) = runtime.block_on(async { tokio::join!(send, take) });
        (sent, body, told)
    }

    fn fetch(&self, ranges: &[Range<u64>]) -> Result<Vec<u8>, FetchError> {
        let (sent, body, _) = self.fetch_by(ranges, || (), |_| ());
        sent.map(|()| body)
    }
}

impl Host {
    fn fetch_whole(&self) -> Vec<u8> {
        let targets = &self.settings.sources[0].targets;
        let download = Download::new(&self.client, targets, "target", self.length).unwrap();
        let (sink, mut pieces) = channel::<Bytes>(100);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(download.stream(&sink, |_| ())).unwrap();
        drop(sink);
        let mut body = Vec::new();
        while let Some(piece) = pieces.blocking_recv() {
            body.extend_from_slice(&piece);
        }
        body
    }
}

/// Something that servers wait for; whether it came in time.
#[derive(Default)]
struct Gate {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    fn arrive(&self) {
        *self.count.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    fn wait_for(&self, count: usize) -> bool {
        let there = self.count.lock().unwrap();
        let waited = self.changed.wait_timeout_while(there, PATIENCE, |there| *there < count);
        !waited.unwrap().1.timed_out()
    }
}

fn failing() -> Answer {
    Answer { head: "500 Too Late".to_owned(), body: Vec::new(), cut: None }
}

/// What the host says of a server which answers like this, and how often it asks without retries.
fn said(
    ranges: &[Range<u64>],
    decide: impl Fn(&Asked, &[u8]) -> Answer + Send + Sync + 'static,
) -> (HttpError, usize) {
    let whole = content(100_000);
    let copy = whole.clone();
    let (server, url) = Server::start(move |asked| decide(asked, &copy));
    let error = Host::new(&url, &whole, "retries = 0").fetch(ranges).unwrap_err();
    let FetchError::Http(error) = error else { panic!("{error}") };
    (error, server.asked().len())
}

#[test]
fn a_range_of_everything_is_the_whole() {
    let whole = content(5 * MIB + 123);
    let copy = whole.clone();
    let (server, url) = Server::start(move |asked| Answer::right(asked, &copy));
    let host = Host::new(&url, &whole, "");
    host.query.choose(&Version::new(1, 2, 3), &[]);
    let all = 0..host.length;
    let (sent, body, told) =
        host.fetch_by(std::slice::from_ref(&all), || (), |piece| assert!(piece.len() <= 256 << 10));
    sent.unwrap();
    assert!(body == whole && told == host.length);
    let asked = server.asked();
    assert_eq!(asked.len(), 6);
    for one in asked {
        assert!(one.range.len() <= MIB && !one.header.contains(','), "{}", one.header);
        assert!(one.target.contains("target=1.2.3"), "{}", one.target);
    }
}

#[test]
fn ranges_come_in_their_order_whichever_answer_is_first() {
    let whole = content(100_000);
    let (copy, second) = (whole.clone(), Gate::default());
    let (server, url) = Server::start(move |asked| {
        let in_time = match asked.range.start {
            7 => second.wait_for(1),
            500 => {
                second.arrive();
                true
            }
            _ => true,
        };
        if in_time { Answer::right(asked, &copy) } else { failing() }
    });
    let body =
        Host::new(&url, &whole, "retries = 0").fetch(&[7..9, 500..700, 700..701, 99_999..100_000]);
    assert!(body.unwrap() == [&whole[7..9], &whole[500..701], &whole[99_999..]].concat());
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn several_requests_are_under_way_at_once() {
    let whole = content(100_000);
    let (copy, open) = (whole.clone(), Gate::default());
    let (_server, url) = Server::start(move |asked| {
        open.arrive();
        if open.wait_for(4) { Answer::right(asked, &copy) } else { failing() }
    });
    let ranges = [0..1, 10..20, 30..40, 50..60];
    assert!(Host::new(&url, &whole, "retries = 0").fetch(&ranges).is_ok());
}

#[test]
fn no_more_is_asked_for_than_what_four_requests_hold() {
    let whole = content(16 * MIB);
    let (copy, opened) = (whole.clone(), Arc::new(Gate::default()));
    let (taken, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (seen, ahead, gate) = (Arc::clone(&taken), Arc::clone(&most), Arc::clone(&opened));
    let (_server, url) = Server::start(move |asked| {
        ahead.fetch_max(asked.range.end - seen.load(Ordering::SeqCst), Ordering::SeqCst);
        gate.arrive();
        Answer::right(asked, &copy)
    });
    let host = Host::new(&url, &whole, "retries = 0");
    let all = 0..host.length;
    let four = move || assert!(opened.wait_for(4));
    let (sent, body, _) = host.fetch_by(std::slice::from_ref(&all), four, |piece| {
        taken.fetch_add(piece.len(), Ordering::SeqCst);
    });
    sent.unwrap();
    assert!(body == whole);
    // A piece lies in the channel, and one was taken and not counted yet.
    let ahead = most.load(Ordering::SeqCst);
    assert!((4 * MIB..=4 * MIB + (512 << 10)).contains(&ahead), "{ahead}");
}

#[test]
fn a_server_without_ranges_is_found_out_once_and_not_read() {
    let whole = content(64 * MIB);
    let copy = whole.clone();
    let (server, url) =
        Server::start(move |_| Answer { head: "200 OK".to_owned(), body: copy.clone(), cut: None });
    let host = Host::new(&url, &whole, "");
    let (sent, body, told) = host.fetch_by(&[5..10], || (), |_| ());
    let error = sent.unwrap_err();
    assert!(error.is_no_ranges(), "{error}");
    assert_eq!((body.len(), told, server.asked().len()), (0, 0, 1));
    assert!(host.fetch(&[5..10, 20..30]).unwrap_err().is_no_ranges());
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn another_range_than_the_one_asked_for_is_not_taken() {
    let lies: [fn(&Asked, &[u8]) -> Answer; 6] = [
        |asked, whole| Answer::part(asked.range.start + 1..asked.range.end + 1, whole),
        |asked, whole| Answer::part(asked.range.start..asked.range.end - 1, whole),
        |asked, whole| Answer::part(asked.range.start..asked.range.end + 1, whole),
        |asked, whole| {
            let head = "206 Partial\r\nContent-Range: bytes 10-19/100001".to_owned();
            Answer { head, ..Answer::right(asked, whole) }
        },
        |asked, whole| Answer { head: "206 Partial".to_owned(), ..Answer::right(asked, whole) },
        |asked, whole| {
            let head = "206 Partial\r\nContent-Range: lines 10-19/100000".to_owned();
            Answer { head, ..Answer::right(asked, whole) }
        },
    ];
    for lie in lies {
        let (error, asked) = said(&[10..20], lie);
        let told = error.to_string();
        assert!(matches!(error, HttpError::OtherRange { first: 10, last: 19, .. }), "{told}");
        assert!(told.ends_with("where bytes 10 to 19 of 100000 were asked for"), "{told}");
        assert_eq!(asked, 1);
    }
}

#[test]
fn the_total_may_be_left_open() {
    let whole = content(1000);
    let copy = whole.clone();
    let (_server, url) = Server::start(move |asked| {
        let head = "206 Partial\r\nContent-Range: bytes 10-19/*".to_owned();
        Answer { head, ..Answer::right(asked, &copy) }
    });
    assert!(Host::new(&url, &whole, "").fetch(&[10..20]).unwrap() == whole[10..20]);
}

#[test]
fn several_ranges_in_one_body_are_not_taken_apart() {
    let (error, _) = said(&[10..20], |asked, whole| {
        Answer::right(asked, whole).with("Content-Type: Multipart/byteranges; boundary=x")
    });
    assert!(matches!(error, HttpError::Multipart { .. }), "{error}");
}

#[test]
fn a_body_of_another_length_than_its_range_is_not_taken() {
    let (short, _) = said(&[10..20], |asked, whole| {
        let right = Answer::right(asked, whole);
        Answer { body: right.body[..4].to_vec(), ..right }
    });
    assert!(matches!(short, HttpError::ShortRange { got: 4, expected: 10, .. }), "{short}");
    let (long, asked) = said(&[10..20], |asked, whole| {
        let right = Answer::right(asked, whole);
        Answer { body: whole.to_vec(), ..right }
    });
    assert!(matches!(long, HttpError::LongRange { expected: 10, .. }), "{long}");
    assert_eq!(asked, 1);
}

#[test]
fn a_range_beyond_the_end_of_what_the_server_has_is_told() {
    let (error, asked) = said(&[10..20], |_, _| Answer {
        head: "416 Range\r\nContent-Range: bytes */5".to_owned(),
        body: Vec::new(),
        cut: None,
    });
    assert!(matches!(error, HttpError::NoSuchRange { .. }), "{error}");
    assert!(error.to_string().contains("has no bytes 10 to 19 of 100000"), "{error}");
    assert_eq!(asked, 1);
}

#[test]
fn what_is_not_there_is_told_as_ever() {
    let (error, _) = said(&[10..20], |_, _| Answer {
        head: "404 Not Found".to_owned(),
        body: Vec::new(),
        cut: None,
    });
    assert!(matches!(error, HttpError::Absent { .. }), "{error}");
}

#[test]
fn a_body_that_breaks_off_is_resumed_at_the_byte_that_is_missing() {
    let whole = content(100_000);
    let copy = whole.clone();
    let (server, url) = Server::start(move |asked| {
        let right = Answer::right(asked, &copy).with("ETag: \"one\"");
        if asked.number == 0 { right.cut(70_000) } else { right }
    });
    let (sent, body, told) =
        Host::new(&url, &whole, "retries = 1").fetch_by(&[100..90_100], || (), |_| ());
    sent.unwrap();
    assert!(body == whole[100..90_100] && told == 90_000);
    let asked = server.asked();
    assert_eq!((asked[0].range.clone(), asked[0].condition.as_deref()), (100..90_100, None));
    assert!(asked[1].range.start > 100 && asked[1].range.end == 90_100);
    assert_eq!(asked[1].condition.as_deref(), Some("\"one\""));
    assert_eq!(asked.len(), 2);
}

#[test]
fn a_server_that_always_breaks_off_is_given_up() {
    let (error, asked) = said(&[0..20], |asked, whole| Answer::right(asked, whole).cut(1));
    assert!(matches!(error, HttpError::Network { .. }), "{error}");
    assert_eq!(asked, 1);
}

#[test]
fn a_file_that_changes_on_the_way_is_noticed() {
    let tagged: [fn(&Asked, &[u8]) -> Answer; 2] = [
        |asked, whole| Answer::right(asked, whole).with("ETag: \"two\""),
        |_, whole| Answer {
            head: "200 OK\r\nETag: \"two\"".to_owned(),
            body: whole.to_vec(),
            cut: None,
        },
    ];
    for changed in tagged {
        let whole = content(100_000);
        let copy = whole.clone();
        let (server, url) = Server::start(move |asked| match asked.number {
            0 => Answer::right(asked, &copy).with("ETag: \"one\"").cut(70_000),
            _ => changed(asked, &copy),
        });
        let host = Host::new(&url, &whole, "retries = 3");
        let error = host.fetch(&[0..90_000]).unwrap_err();
        assert!(matches!(error, FetchError::Http(HttpError::Changed { .. })), "{error}");
        assert_eq!(server.asked().len(), 2);
    }
}

#[test]
fn a_limited_rate_holds_for_ranges_and_for_the_whole() {
    let whole = content(100_000);
    let copy = whole.clone();
    let (_server, url) = Server::start(move |asked| match asked.header.as_str() {
        "" => Answer { head: "200 OK".to_owned(), body: copy.clone(), cut: None },
        _ => Answer::right(asked, &copy),
    });
    let host = Host::new(&url, &whole, "[limits]\nrate = '200 kB/s'");
    // Time that passes is no more than a lower bound here: a slow machine changes nothing.
    let begun = Instant::now();
    assert!(host.fetch(&[0..50_000, 50_000..100_000]).unwrap() == whole);
    let ranges = begun.elapsed();
    assert!(host.fetch_whole() == whole);
    let both = begun.elapsed();
    assert!(ranges >= Duration::from_millis(400), "{ranges:?}");
    assert!(both - ranges >= Duration::from_millis(400), "{both:?}");
}

#[test]
fn who_takes_bytes_slowly_does_not_hold_it_against_the_server() {
    let whole = content(100_000);
    let copy = whole.clone();
    let (server, url) = Server::start(move |asked| Answer::right(asked, &copy));
    // A piece takes longer to pass than the server may be silent; on a machine that stands still for so long, once more with longer times.
    let fetched = [(1, "30 kB/s"), (5, "5 kB/s")].into_iter().find_map(|(silence, rate)| {
        let limits =
            format!("retries = 0\nidle_timeout_seconds = {silence}\n[limits]\nrate = '{rate}'");
        let before = server.asked().len();
        let fetched = Host::new(&url, &whole, &limits).fetch(&[0..50_000, 50_000..100_000]);
        fetched.ok().map(|fetched| (fetched, server.asked().len() - before))
    });
    assert!(fetched.unwrap() == (whole, 2));
}

#[test]
fn slow_retrieval_by_an_answer_now_and_then_ends() {
    let too_slow = |silence: u32| {
        let (whole, never) = (content(1000), Gate::default());
        let copy = whole.clone();
        let (server, url) = Server::start(move |asked| {
            let open = never.count.lock().unwrap();
            // Nothing comes: this is how a server waits.
            drop(never.changed.wait_timeout(open, Duration::from_secs(1) * silence / 8));
            Answer::right(asked, &copy)
        });
        let more = format!("retries = 0\nidle_timeout_seconds = {silence}");
        let host = Host::new(&url, &whole, &more);
        let ranges: Vec<_> = (0..100).map(|at| at * 10..at * 10 + 1).collect();
        let error = host.fetch(&ranges).unwrap_err();
        assert!(server.asked().len() < 80);
        match error {
            FetchError::Http(HttpError::TooSlow { .. }) => true,
            // A machine that stands still for so long gets more time.
            FetchError::Http(HttpError::Silent { .. }) => false,
            other => panic!("{other}"),
        }
    };
    assert!([4, 40].into_iter().any(too_slow));
}
