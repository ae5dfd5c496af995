//! A migration that uses what programs use, and tries what it may not. The tests compile it.

use std::env;
use std::fs;
use std::io::{Error, ErrorKind, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

fn main() {
    let paths: Vec<PathBuf> = env::args().skip(1).map(PathBuf::from).collect();
    let [_, _, source, _, target] = paths.as_slice() else { panic!("{paths:?}") };
    copy(source, target);
    thread::spawn(|| Command::new("/bin/true").status().unwrap()).join().unwrap();
    let temporary = env::temp_dir().join("probe");
    fs::File::create_new(&temporary).unwrap().write_all(b"x").unwrap();
    let socket = target.with_file_name("socket");
    let refused = [
        ("UDP", UdpSocket::bind("127.0.0.1:0").err()),
        ("TCP", TcpListener::bind("127.0.0.1:0").err()),
        ("Unix", UnixListener::bind(socket).err()),
        ("a pair", UnixStream::pair().err()),
        ("a group", Command::new("/bin/true").process_group(0).status().err()),
    ];
    for (what, error) in refused {
        let is_refused = |error: Error| error.kind() == ErrorKind::PermissionDenied;
        println!("{what} {}", if error.is_some_and(is_refused) { "refused" } else { "had" });
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
