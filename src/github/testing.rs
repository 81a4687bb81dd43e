//! What the tests of this module share: a clock that does not wait, and a server that gives prepared answers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::retry::Clock;

/// A clock at second 1,000 that jumps instead of waiting.
#[derive(Debug, Default)]
pub(super) struct FakeClock {
    waits: Mutex<Vec<u64>>,
}

impl FakeClock {
    /// The waits so far in seconds.
    pub(super) fn slept(&self) -> Vec<u64> {
        self.waits.lock().unwrap().clone()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> u64 {
        1_000 + self.slept().iter().sum::<u64>()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.waits.lock().unwrap().push(duration.as_secs());
        Box::pin(std::future::ready(()))
    }
}

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// `METHOD /path?query`.
    pub(super) line: String,
    pub(super) authorization: Option<String>,
    pub(super) body: String,
}

/// A server on a loopback port.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// `http://127.0.0.1:PORT`.
    pub(super) base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers one connection after another with these raw HTTP messages: status line, headers, blank line, body. An
    /// empty message closes the connection without an answer. When they are used up the server is gone.
    pub(super) fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = seen.clone();
        std::thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream);
                let (mut head, mut line) = (Vec::new(), String::new());
                while reader.read_line(&mut line).unwrap() > 2 {
                    head.push(std::mem::take(&mut line).trim_end().to_owned());
                }
                let header = |name: &str| {
                    let fields = head.iter().filter_map(|line| line.split_once(": "));
                    fields
                        .clone()
                        .find(|(key, _)| key.eq_ignore_ascii_case(name))
                        .map(|(_, value)| value.to_owned())
                };
                let length = header("content-length").map_or(0, |length| length.parse().unwrap());
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                record.lock().unwrap().push(Seen {
                    line: head[0].trim_end_matches(" HTTP/1.1").to_owned(),
                    authorization: header("authorization"),
                    body: String::from_utf8(body).unwrap(),
                });
                reader.into_inner().write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { base, seen }
    }

    /// Requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// `METHOD /path` of the requests so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

/// A raw HTTP answer; `headers` are whole lines.
pub(super) fn answer(status: u16, headers: &[&str], body: &str) -> String {
    let headers: Vec<String> = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n{}\r\n{body}",
        body.len(),
        headers.concat()
    )
}
