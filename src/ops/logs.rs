//! Reads what containers wrote to CloudWatch Logs.

use std::collections::{BTreeMap, VecDeque};

use aws_sdk_cloudwatchlogs::types::{FilteredLogEvent, OutputLogEvent};

use crate::aws::{Aws, absent, call};
use crate::model::CallError;

/// The IAM actions of this file.
pub const READS: &[&str] = &["logs:FilterLogEvents", "logs:GetLogEvents"];

/// There is no such group or stream: for a stream, nothing was written yet.
const ABSENT: &[&str] = &["ResourceNotFoundException"];

/// How many pages of one stream are read at a time. A page may be empty although more follow (`GetLogEvents`).
const PAGES: usize = 100;

/// The most events of one page (`GetLogEvents`, `FilterLogEvents`).
const PAGE: i32 = 10_000;

/// The last `count` lines of a stream, oldest first; none when there is no such stream.
pub async fn tail(aws: &Aws, group: &str, stream: &str, count: usize) -> Result<Vec<String>, CallError> {
    let limit = i32::try_from(count).unwrap_or(PAGE).clamp(1, PAGE);
    let mut lines = VecDeque::new();
    let mut token: Option<String> = None;
    for _ in 0..PAGES {
        let request = aws.logs.get_log_events().log_group_name(group).log_stream_name(stream);
        let request = request.start_from_head(false).limit(limit).set_next_token(token.clone());
        let Some(page) = absent(call("logs:GetLogEvents", request.send()).await, ABSENT)? else {
            break;
        };
        for event in page.events().iter().rev() {
            let message = event.message().unwrap_or_default().trim_end_matches(['\n', '\r']);
            message.rsplit('\n').for_each(|line| lines.push_front(line.trim_end_matches('\r').to_owned()));
        }
        // The same token again means the end of the stream.
        let next = page.next_backward_token().map(str::to_owned);
        if lines.len() >= count || next.is_none() || next == token {
            break;
        }
        token = next;
    }
    let surplus = lines.len().saturating_sub(count);
    Ok(lines.into_iter().skip(surplus).collect())
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Milliseconds since the epoch, as the container's log driver gave it.
    pub time: i64,
    /// What was written, without the line break that ends it. Foreign text.
    pub text: String,
}

/// Reads a stream from its start, and goes on where it stopped.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// The log group.
    pub group: String,
    /// `<prefix>/<container>/<task id>`.
    pub stream: String,
    token: Option<String>,
}

impl Reader {
    /// A reader at the start of a stream, which need not exist yet.
    pub fn new(group: &str, stream: &str) -> Self {
        Self { group: group.to_owned(), stream: stream.to_owned(), token: None }
    }

    /// What was written since it was asked last.
    pub async fn next(&mut self, aws: &Aws) -> Result<Vec<Line>, CallError> {
        let mut lines = Vec::new();
        for _ in 0..PAGES {
            let request = aws.logs.get_log_events().log_group_name(&self.group).log_stream_name(&self.stream);
            let request = request.start_from_head(true).set_next_token(self.token.clone());
            let page = match absent(call("logs:GetLogEvents", request.send()).await, ABSENT) {
                Ok(Some(page)) => page,
                Ok(None) => break,
                // The lines before it are not read again, so they come first and the failure with the next look.
                Err(_) if !lines.is_empty() => break,
                Err(error) => return Err(error),
            };
            lines.extend(page.events().iter().map(line));
            let next = page.next_forward_token().map(str::to_owned);
            let end = next.is_none() || next == self.token;
            if next.is_some() {
                self.token = next;
            }
            if end {
                break;
            }
        }
        Ok(lines)
    }
}

fn line(event: &OutputLogEvent) -> Line {
    let text = event.message().unwrap_or_default().trim_end_matches(['\n', '\r']).to_owned();
    Line { time: event.timestamp().unwrap_or_default(), text }
}

/// Which events of a group are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The log group.
    pub group: String,
    /// What the names of the streams start with.
    pub prefix: String,
    /// From when, in milliseconds since the epoch.
    pub start: Option<i64>,
    /// To when.
    pub end: Option<i64>,
    /// A CloudWatch Logs filter pattern.
    pub pattern: Option<String>,
}

/// One event of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unique in the group.
    pub id: String,
    /// The stream: `<prefix>/<container>/<task id>`.
    pub stream: String,
    /// When and what.
    pub line: Line,
}

impl Event {
    /// The container, by the name of the stream.
    pub fn container(&self) -> &str {
        self.stream.rsplit('/').nth(1).unwrap_or_default()
    }

    /// The id of the task, by the name of the stream.
    pub fn task(&self) -> &str {
        self.stream.rsplit('/').next().unwrap_or_default()
    }
}

/// Events of a group page by page; `None` when there is no such group. A page may be empty although more follow.
#[derive(Debug, Clone, Default)]
pub struct Search {
    query: Query,
    token: Option<String>,
    started: bool,
}

impl Search {
    /// A search from its first page on.
    pub fn new(query: Query) -> Self {
        Self { query, ..Self::default() }
    }

    /// Whether the last page was read.
    pub fn is_over(&self) -> bool {
        self.started && self.token.is_none()
    }

    /// The next page, in order of time.
    pub async fn next(&mut self, aws: &Aws) -> Result<Option<Vec<Event>>, CallError> {
        let query = &self.query;
        let request = aws.logs.filter_log_events().log_group_name(&query.group);
        let request = request.log_stream_name_prefix(&query.prefix).set_filter_pattern(query.pattern.clone());
        let request = request.set_start_time(query.start).set_end_time(query.end);
        let request = request.set_next_token(self.token.clone());
        let answer = absent(call("logs:FilterLogEvents", request.send()).await, ABSENT)?;
        self.started = true;
        self.token = answer.as_ref().and_then(|page| page.next_token()).map(str::to_owned);
        Ok(answer.map(|page| {
            let mut events: Vec<Event> = page.events().iter().map(event).collect();
            events.sort_by(|a, b| (a.line.time, &a.id).cmp(&(b.line.time, &b.id)));
            events
        }))
    }
}

fn event(found: &FilteredLogEvent) -> Event {
    let text = found.message().unwrap_or_default().trim_end_matches(['\n', '\r']).to_owned();
    Event {
        id: found.event_id().unwrap_or_default().to_owned(),
        stream: found.log_stream_name().unwrap_or_default().to_owned(),
        line: Line { time: found.timestamp().unwrap_or_default(), text },
    }
}

/// How far a new look goes back behind the newest event that is known: events of other streams may arrive later than
/// younger ones, in practice within seconds. What arrives later still goes unnoticed.
const OVERLAP: i64 = 30_000;

/// Looks again and again, and gives every event once.
#[derive(Debug, Clone)]
pub struct Follow {
    query: Query,
    newest: i64,
    seen: BTreeMap<String, i64>,
}

impl Follow {
    /// Follows what fits a query.
    pub fn new(query: Query) -> Self {
        Self { query, newest: 0, seen: BTreeMap::new() }
    }

    /// Those that were not given before.
    pub fn fresh(&mut self, events: Vec<Event>) -> Vec<Event> {
        let fresh: Vec<Event> =
            events.into_iter().filter(|event| !self.seen.contains_key(&event.id)).collect();
        for event in &fresh {
            self.newest = self.newest.max(event.line.time);
            self.seen.insert(event.id.clone(), event.line.time);
        }
        let from = self.newest - OVERLAP;
        self.seen.retain(|_, time| *time >= from);
        fresh
    }

    /// The query of the next look.
    pub fn query(&self) -> Query {
        let start = if self.seen.is_empty() { self.query.start } else { Some(self.newest - OVERLAP) };
        Query { start: start.max(self.query.start), ..self.query.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, time: i64) -> Event {
        Event {
            id: id.to_owned(),
            stream: "app/web/0123".to_owned(),
            line: Line { time, text: String::new() },
        }
    }

    fn ids(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| event.id.as_str()).collect()
    }

    #[test]
    fn a_followed_event_is_given_once_and_a_late_one_is_not_lost() {
        let mut follow = Follow::new(Query { start: Some(90_000), ..Query::default() });
        assert_eq!(follow.query().start, Some(90_000));
        assert_eq!(ids(&follow.fresh(vec![event("a", 100_000), event("b", 101_000)])), ["a", "b"]);
        assert_eq!(follow.query().start, Some(90_000), "never before the start that was asked for");
        let late = follow.fresh(vec![event("late", 100_500), event("b", 101_000), event("c", 200_000)]);
        assert_eq!(ids(&late), ["late", "c"]);
        assert_eq!(follow.query().start, Some(170_000));
        assert_eq!(follow.seen.len(), 1, "what no look can bring back is forgotten");
    }

    #[test]
    fn a_streams_name_tells_container_and_task() {
        let event = event("a", 0);
        assert_eq!((event.container(), event.task()), ("web", "0123"));
    }
}
