//! Servers with certificates of an authority of one's own, and the HTTP version that is agreed on with them.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use bytes::Bytes;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use trust::{Fetched, MetadataSource, SourceError};
use updog::config::Settings;
use updog::http::{Client, Metadata, Query};

const BODY: &[u8] = b"{\"signed\":{}}";

fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(arguments.split(' '));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes an authority, `NAME.pem`.
fn authority(folder: &Path, name: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        folder,
        &format!("req -x509 {key} -keyout {name}.key -out {name}.pem -subj /CN={name} -days 2"),
    );
}

/// Makes a certificate for the loopback address, `server.pem`, of the authority `ca`.
fn certificate(folder: &Path) {
    fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("req -new {key} -keyout server.key -out server.csr -subj /CN=server"));
    let by = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -days 2";
    openssl(folder, &format!("x509 -req -in server.csr {by} -out server.pem"));
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Answers everything over HTTP/2; gives its port, and what each connection agreed on.
fn serve(folder: &Path) -> (u16, Receiver<Option<Vec<u8>>>) {
    let chain = vec![CertificateDer::from_pem_file(folder.join("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    let mut config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (agreed, agreements) = channel();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                agreed.send(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)).unwrap();
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let mut body = respond.send_response(http::Response::new(()), false).unwrap();
                    body.send_data(Bytes::from_static(BODY), true).unwrap();
                }
            }
        });
    });
    (port, agreements)
}

/// Fetches a file as a host does whose configuration has `more`.
fn fetch(folder: &Path, port: u16, more: &str) -> Result<Fetched, SourceError> {
    // Fails only when another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base = format!("https://127.0.0.1:{port}");
    let text = format!(
        "metadata_base_url = '{base}/'\ntargets_base_url = '{base}/'\nseed = 1\nretries = 0\n{more}"
    );
    let settings = Settings::parse(&text, &folder.join("updog.toml")).unwrap();
    let roots = settings.network.roots().unwrap();
    let client = Client::new(&settings.network, &roots, Query::default()).unwrap();
    let metadata = Metadata::new(&client, &settings.sources[0].metadata);
    runtime().block_on(metadata.fetch("timestamp.json", 1000))
}

#[test]
fn an_authority_of_ones_own_is_trusted_and_http_2_is_agreed_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    authority(folder, "ca");
    certificate(folder);
    let (port, agreements) = serve(folder);
    let fetched = fetch(folder, port, "ca_file = 'ca.pem'").unwrap();
    assert_eq!(fetched, Fetched::Bytes(Bytes::from_static(BODY)));
    assert_eq!(agreements.recv().unwrap().as_deref(), Some(&b"h2"[..]));
}

#[test]
fn other_authorities_do_not_vouch_for_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    authority(folder, "ca");
    authority(folder, "other");
    certificate(folder);
    let (port, _agreements) = serve(folder);
    assert!(fetch(folder, port, "ca_file = 'other.pem'").is_err());
    let both =
        [fs::read(folder.join("other.pem")).unwrap(), fs::read(folder.join("ca.pem")).unwrap()];
    fs::write(folder.join("both.pem"), both.concat()).unwrap();
    assert!(fetch(folder, port, "ca_file = 'both.pem'").is_ok());
}
