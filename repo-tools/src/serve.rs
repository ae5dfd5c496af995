//! `serve`: the repository over HTTP, for development and tests.
//!
//! Plain files with ranges, validators and nothing else; what protects hosts is in the metadata, not in the
//! server.

mod log;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::serve::ListenerExt;
use tower_http::services::ServeDir;

use crate::{Error, Result};
use log::{Log, follow};

/// Bytes read from a file at a time: each costs a trip to another thread.
const CHUNK: usize = 1 << 20;

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    folder: PathBuf,
    log: Option<Log>,
}

impl Server {
    /// Listens; port 0 means any.
    ///
    /// # Errors
    ///
    /// [`Error::Edge`] if the address is taken or not ours, [`Error::NoRepository`] if there is no
    /// `folder`.
    pub fn bind(folder: PathBuf, address: SocketAddr) -> Result<Self> {
        let fault = |source| Error::Edge { action: format!("listen on {address}"), source };
        if !folder.is_dir() {
            return Err(Error::NoRepository(folder));
        }
        let listener = TcpListener::bind(address).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        Ok(Self { listener, address, folder, log: None })
    }

    /// The same server, which writes a line for each answer into `file`: method, path, range or `-`, status, bytes of the body that were sent.
    ///
    /// # Errors
    ///
    /// [`Error::Edge`] if the file cannot be made.
    pub fn logged(self, file: &Path) -> Result<Self> {
        let action = format!("write {}", file.display());
        let log = Log::create(file).map_err(|source| Error::Edge { action, source })?;
        Ok(Self { log: Some(log), ..self })
    }

    /// The URL of the folder, with a final `/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Answers until Ctrl-C.
    ///
    /// # Errors
    ///
    /// [`Error::Edge`] if the operating system fails.
    pub fn run(self) -> Result<()> {
        let fault = |source| Error::Edge { action: format!("serve on {}", self.address), source };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(fault)?;
        let files = ServeDir::new(&self.folder).with_buf_chunk_size(CHUNK);
        let router = Router::new().fallback_service(files);
        let router = match self.log {
            Some(log) => router.layer(from_fn_with_state(log, follow)),
            None => router,
        };
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(fault)?;
            // Else a small file's last bytes wait for the client to acknowledge the first, which takes it 40 ms.
            let listener = listener.tap_io(|stream| {
                let _ = stream.set_nodelay(true); // slower without, and that is all
            });
            let serving = axum::serve(listener, router).with_graceful_shutdown(async {
                // Without a signal handler Ctrl-C ends the process anyway.
                let _ = tokio::signal::ctrl_c().await;
            });
            serving.await.map_err(fault)
        })
    }
}
