//! A small root filesystem, a spec for it, and the program.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// An EFI program that stands for a kernel, since it is one for the builder.
pub(crate) const STUB: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

/// A folder to work in.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    /// A world with a spec and the root filesystem `rootfs.tar`.
    pub(crate) fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        world.spec("");
        world.tar("rootfs.tar", &usual());
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }

    /// Writes the spec, with some lines more (before the sizes).
    pub(crate) fn spec(&self, more: &str) {
        let text = format!(
            "variant = 'test'\narch = 'x86_64'\nproduct_line = 'tests'\nkernel = 'boot/vmlinuz-*'\n\
             initramfs = 'boot/initrd'\ncommand_line = 'console=ttyS0'\n{more}\n\
             [sizes]\nboot = 4\nroot = 24\nhash = 1\nprivate = 8\ndata = 8\n"
        );
        fs::write(self.path("image.toml"), text).unwrap();
    }

    /// Writes a tar archive.
    pub(crate) fn tar(&self, name: &str, entries: &[Entry]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, archive(entries)).unwrap();
        path
    }

    /// Runs the program in this folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-builder"));
        command.current_dir(self.folder.path()).args(arguments).output().unwrap()
    }

    /// Runs the program, which must succeed; gives its standard output.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the program, which must fail with `code`; gives its standard error.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "a failure prints no result");
        stderr(&output)
    }

    /// Builds version 1.0.0 of `rootfs` into `out`.
    pub(crate) fn build(&self, rootfs: &str, out: &str) -> serde_json::Value {
        serde_json::from_str(&self.done(&build(rootfs, out))).unwrap()
    }
}

/// The arguments of a build.
pub(crate) fn build<'a>(rootfs: &'a str, out: &'a str) -> [&'a str; 10] {
    [
        "build",
        "--json",
        "--spec",
        "image.toml",
        "--rootfs",
        rootfs,
        "--version",
        "1.0.0",
        "--out",
        out,
    ]
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Runs a tool of others; gives its standard output.
pub(crate) fn tool(program: &str, package: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").env("LC_ALL", "C").args(arguments);
    let output = match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("{program} is missing: install the Debian package {package}")
        }
        other => other.unwrap(),
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}{}", stderr(&output));
    said
}

/// One entry of a tar archive.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: EntryType,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) content: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) xattrs: Vec<(&'static str, Vec<u8>)>,
}

impl Entry {
    fn new(name: &str, kind: EntryType) -> Self {
        Self {
            name: name.into(),
            kind,
            mode: 0o644,
            uid: 0,
            gid: 0,
            content: Vec::new(),
            link: Vec::new(),
            xattrs: Vec::new(),
        }
    }

    pub(crate) fn file(name: &str, content: impl Into<Vec<u8>>) -> Self {
        Self { content: content.into(), ..Self::new(name, EntryType::Regular) }
    }

    pub(crate) fn folder(name: &str) -> Self {
        Self { mode: 0o755, ..Self::new(name, EntryType::Directory) }
    }

    pub(crate) fn symlink(name: &str, to: &str) -> Self {
        Self { link: to.into(), ..Self::new(name, EntryType::Symlink) }
    }

    pub(crate) fn hard_link(name: &str, to: &str) -> Self {
        Self { link: to.into(), ..Self::new(name, EntryType::Link) }
    }

    pub(crate) fn device(name: &str, kind: EntryType) -> Self {
        Self::new(name, kind)
    }

    pub(crate) fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    pub(crate) fn owner(mut self, uid: u64, gid: u64) -> Self {
        (self.uid, self.gid) = (uid, gid);
        self
    }

    pub(crate) fn xattr(mut self, name: &'static str, value: &[u8]) -> Self {
        self.xattrs.push((name, value.to_vec()));
        self
    }
}

/// The bytes of a tar archive; names are written as they are, whatever they are.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (index, entry) in entries.iter().enumerate() {
        let pax: Vec<(String, &[u8])> = entry
            .xattrs
            .iter()
            .map(|(name, value)| (format!("SCHILY.xattr.{name}"), value.as_slice()))
            .collect();
        if !pax.is_empty() {
            let pax = pax.iter().map(|(name, value)| (name.as_str(), *value));
            builder.append_pax_extensions(pax).unwrap();
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_uid(entry.uid);
        header.set_gid(entry.gid);
        header.set_mtime(u64::try_from(index).unwrap() * 1000);
        header.set_size(u64::try_from(entry.content.len()).unwrap());
        if matches!(entry.kind, EntryType::Char | EntryType::Block) {
            header.set_device_major(1).unwrap();
            header.set_device_minor(3).unwrap();
        }
        long(&mut builder, b'L', &entry.name);
        long(&mut builder, b'K', &entry.link);
        header.set_cksum();
        builder.append(&header, entry.content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A long name or a long link, GNU's way: it may have any bytes.
fn long(builder: &mut Builder<Vec<u8>>, kind: u8, text: &[u8]) {
    if text.is_empty() {
        return;
    }
    let mut header = Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..13].copy_from_slice(b"././@LongLink");
    header.set_entry_type(EntryType::new(kind));
    header.set_size(u64::try_from(text.len()).unwrap() + 1);
    header.set_cksum();
    builder.append(&header, [text, b"\0"].concat().as_slice()).unwrap();
}

/// The POSIX ACL u::rwx,g::r-x,g:4:r-x,m::r-x,o::r-x as an extended attribute.
pub(crate) const ACL: &[u8] = b"\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x04\0\x05\0\xff\xff\xff\xff\
    \x08\0\x05\0\x04\0\0\0\x10\0\x05\0\xff\xff\xff\xff\x20\0\x05\0\xff\xff\xff\xff";

/// A root filesystem with one of everything.
pub(crate) fn usual() -> Vec<Entry> {
    let os_release = "NAME=\"Test\"\nID=test\nVERSION_ID=\"0\"\n";
    vec![
        Entry::folder("./"),
        Entry::folder("./boot/"),
        Entry::file("./boot/vmlinuz-6.1.0-test", fs::read(STUB).expect(NO_STUB)),
        Entry::file("./boot/initrd", vec![0x55; 70_000]),
        Entry::folder("./etc/"),
        Entry::symlink("./etc/os-release", "../usr/lib/os-release"),
        Entry::file("./etc/shadow", "root:*:::::::\n").mode(0o640).owner(0, 42),
        Entry::folder("./usr/"),
        Entry::folder("./usr/bin/"),
        Entry::file("./usr/bin/su", "#!").mode(0o4755),
        Entry::hard_link("./usr/bin/su-again", "./usr/bin/su"),
        Entry::file("./usr/bin/ping", "x").mode(0o755).xattr("user.note", b"a\0b"),
        Entry::folder("./usr/lib/"),
        Entry::file("./usr/lib/os-release", os_release),
        Entry::file(&format!("./usr/lib/{}", "long-".repeat(40)), "long name"),
        Entry::file("./usr/lib/sp ace \\x2d \u{e4}", "odd name"),
        Entry::folder("./dev/"),
        Entry::device("./dev/null", EntryType::Char).mode(0o666),
        Entry::device("./dev/loop0", EntryType::Block).mode(0o660).owner(0, 6),
        Entry::device("./dev/initctl", EntryType::Fifo).mode(0o600),
        Entry::folder("./var/").mode(0o1777),
        Entry::folder("./var/log/")
            .mode(0o2755)
            .owner(0, 999)
            .xattr("system.posix_acl_access", ACL)
            .xattr("system.posix_acl_default", ACL),
        Entry::file("./var/empty", ""),
        Entry::file(
            "./var/big",
            (0..3_000_000_u32).map(|byte| byte.to_le_bytes()[1]).collect::<Vec<_>>(),
        ),
        Entry::folder("./tmp/").mode(0o1777),
    ]
}

const NO_STUB: &str = "systemd's stub is missing: install the Debian package systemd-boot-efi";

pub(crate) fn open(path: &Path) -> (File, u64) {
    let file = File::open(path).unwrap();
    let length = file.metadata().unwrap().len();
    (file, length)
}
