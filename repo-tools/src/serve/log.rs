//! What was asked of the server and how much of it was sent: a line an answer, written when its body is over, or given up.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::RANGE;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::TryStreamExt;

/// A file that lines are added to.
#[derive(Clone, Debug)]
pub(super) struct Log(Arc<Mutex<File>>);

impl Log {
    /// An empty file in the place of what is there.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(File::create(path)?))))
    }
}

/// An answer that is on its way.
struct Line {
    log: Log,
    said: String,
    /// Bytes of the body that were handed to the connection.
    sent: usize,
}

impl Line {
    fn count(&mut self, piece: &Bytes) {
        self.sent += piece.len();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut file = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for the log: a full disk must not end the server.
        let _ = writeln!(file, "{} {}", self.said, self.sent);
    }
}

/// Answers, and notes what was answered.
pub(super) async fn follow(State(log): State<Log>, request: Request, next: Next) -> Response {
    let range = request.headers().get(RANGE).and_then(|range| range.to_str().ok());
    let asked = format!("{} {}", request.method(), request.uri().path());
    let range = range.unwrap_or("-").replace(' ', "");
    let response = next.run(request).await;
    let said = format!("{asked} {range} {}", response.status().as_u16());
    let mut line = Line { log, said, sent: 0 };
    // An empty body says so by its length; one that is a stream would not.
    if response.body().size_hint().exact() == Some(0) {
        return response;
    }
    response.map(|body| {
        let count = move |piece: &Bytes| line.count(piece);
        Body::from_stream(body.into_data_stream().inspect_ok(count))
    })
}
