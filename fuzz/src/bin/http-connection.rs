//! Any bytes as what a server sends on its connection, to a client that wants metadata, or a target that may be cut: an error, or no
//! more than was asked for. Answers that lead elsewhere are left out: nothing is to be asked of another machine.
#![no_main]

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use fuzz::input::Input;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use trust::{Fetched, MetadataSource};
use updog::address::Address;
use updog::config::{Network, Roots};
use updog::http::{Client, Download, Metadata, Query, Rate};
use url::Url;

/// The longest metadata, and the length of the target, in bytes.
const LENGTH: u64 = 40;

struct World {
    runtime: Runtime,
    listener: TcpListener,
    base: Address,
    client: Client,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("there is one");
        let listener =
            runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("there is loopback");
        let port = listener.local_addr().expect("it is bound").port();
        let base = Url::parse(&format!("http://127.0.0.1:{port}/")).expect("it is an address");
        let window = Duration::from_secs(30);
        let network = Network {
            proxy: None,
            no_proxy: None,
            idle_timeout: window,
            least_rate: Rate { bytes_per_second: 1, window },
            retries: 0,
            ca_file: None,
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::new(&network, &Roots::Only(Vec::new()), Query::default());
        Self { runtime, listener, base: Address::new(base), client: client.expect("it is plain") }
    }

    /// Answers each connection with the next of the answers, and closes it.
    async fn serve(&self, answers: &[&[u8]]) {
        for answer in answers {
            let Ok((mut stream, _)) = self.listener.accept().await else { return };
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
        std::future::pending().await
    }

    async fn metadata(&self) {
        let metadata = Metadata::new(&self.client, &self.base);
        if let Ok(Fetched::Bytes(bytes)) = metadata.fetch("timestamp.json", LENGTH).await {
            assert!(bytes.len() as u64 <= LENGTH);
        }
    }

    async fn target(&self) {
        let download = Download::new(&self.client, &self.base, "a", LENGTH).expect("it is a name");
        let (sink, mut source) = mpsc::channel::<Bytes>(64);
        let mut seen = 0;
        let result = download.stream(&sink, |piece| seen += piece.len() as u64).await;
        drop(sink);
        let mut got = 0;
        while let Ok(piece) = source.try_recv() {
            got += piece.len() as u64;
        }
        assert!(got == seen && got <= LENGTH && (result.is_err() || got == LENGTH));
    }
}

fn leads_elsewhere(input: &[u8]) -> bool {
    input.to_ascii_lowercase().windows(8).any(|word| word == b"location")
}

fuzz::target!(|input| {
    if leads_elsewhere(input) {
        return;
    }
    let mut input = Input(input);
    let (kind, first) = (input.byte(), usize::from(input.byte()) * 4);
    let answers = [input.bytes(first), input.0];
    WORLD.with_borrow(|world| {
        world.runtime.block_on(async {
            let ask =
                async { if kind & 1 == 0 { world.metadata().await } else { world.target().await } };
            tokio::select! {
                () = ask => {}
                () = world.serve(&answers) => {}
            }
        });
    });
});
