//! Makes the inputs that fuzz targets begin with, as valid as our own makers make them: `cargo xtask fuzz --seeds`.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use fuzz::disk::Plan;
use fuzz::{releases, tuf};
use gptdisk::{BlockSize, PartType};
use gptprio::SetId;
use manifest::{Content, Contents, Digest};
use semver::Version;
use serde_json::json;
use updog::kept::Record;
use updog::staged::Staged;

/// Where the inputs go.
struct Folder(PathBuf);

impl Folder {
    fn put(&self, target: &str, name: &str, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    }
}

fn main() -> io::Result<()> {
    let folder = Folder(env::args_os().nth(1).expect("a folder is named").into());
    texts(&folder)?;
    documents(&folder)?;
    disks(&folder)?;
    images(&folder)?;
    answers(&folder)?;
    tars(&folder)?;
    metadata(&folder)
}

/// A file of the other fixtures.
fn fixture(name: &str) -> io::Result<Vec<u8>> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name))
}

fn texts(folder: &Folder) -> io::Result<()> {
    let hash = "0123456789abcdef".repeat(4);
    folder.put(
        "command-line",
        "whole",
        format!(
            "root=/dev/dm-0 waystone.verity=1,25600,{hash},00ff waystone.set=B rootfstype=erofs \
             rootflags=\"a b\" waystone.watchdog=60 init=/sbin/init panic=5 -- rest"
        ),
    )?;
    folder.put(
        "command-line",
        "no-salt",
        format!("waystone.verity=1,1,{hash},- rootfstype=ext4"),
    )?;
    let handover = "set=A\nrule=fallback\npriority=1\ntries=2\nsuccessful=yes\nspent=no\ncounted=yes\n\
                    table=repaired\nreason=it is successful\nfailed=B its kernel image came back\nheld-back=B no memory\n";
    folder.put("handover", "reason", [b"\x06\0\0\0", handover.as_bytes()].concat())?;
    folder.put("handover", "text", handover)?;
    folder.put("handover", "set", b"\x06\0\0\0B")?;
    folder.put("configuration", "demo", fixture("host/demo/etc/updog.toml")?)?;
    folder.put(
        "configuration",
        "everything",
        "metadata_base_url = 'https://user:hunter2@a.example/m'\ntargets_base_url = 'file:///srv/t'\nseed = 7\n\
         version_lock = '1.2.3'\nignore_waves = true\nhttps_proxy = 'user:hunter2@p:1'\nno_proxy = ['a', 'b']\ntries = 3\n\
         idle_timeout_seconds = 9\nminimum_bytes_per_second = 1\nretries = 2\nca_file = 'ca.pem'\nrestart_command = ['r']\n\
         root_path = 'root.json'\nmetadata_cache = 'm'\nmigrations_dir = 'x'\nstate_dir = 's'\nos_release_path = 'o'\n\
         [[mirror]]\nmetadata_base_url = 'http://b/'\ntargets_base_url = 'http://b/'\n\
         [limits]\nrate = '2 MiB/s'\nmax_bytes = 5000\nio_priority = 'idle'\nmemory = '64 MiB'\n\
         [health]\nwatchdog = 'none'\n",
    )?;
    for name in ["steady", "emergency"] {
        let text = fixture(&format!("waves/{name}.toml"))?;
        folder.put("wave-policy", name, [&1_764_000_000_i64.to_le_bytes()[..], &text].concat())?;
    }
    folder.put("wave-policy", "offset", b"\0\0\0\0\0\0\0\0 7 Days")?;
    folder.put(
        "file-contexts",
        "lines",
        "\x0busr/lib/a.so# one\n/.*\tsystem_u:object_r:default_t:s0\n/usr/lib(/.*)?\\.so -- system_u:object_r:lib_t:s0\n\
         /etc/[a-c]+\\.conf -d u:r:t\n/dev/sd[^/]* -b u:r:disk_t\n/proc <<none>>\n",
    )?;
    folder.put(
        "tuf-canonical",
        "values",
        r#"{"b": [1, -2, true, null, "\u00e4\n"], "a": {"": {}}}"#,
    )
}

fn contents() -> Contents {
    let digest = Digest::new([0xAB; 32]);
    let [boot, root, hash] = [1, 4096, 8192].map(|length| Content::new(length, digest));
    Contents::new(digest, boot, root, hash)
}

fn documents(folder: &Folder) -> io::Result<()> {
    folder.put("manifest", "golden", fixture("manifest/manifest.json")?)?;
    let contents = contents();
    let digest = "ab".repeat(32);
    let head = json!({ "length": 9, "sha256": digest });
    let manifest = json!({
        "updates": [{
            "variant": "demo", "arch": "x86_64", "version": "1.1.0", "max_version": "1.2.0",
            "waves": { "0": "2026-03-02T16:00:00Z", "204": "2026-07-05T16:00:00Z" }, "waves_end": "2026-08-01T00:00:00Z",
            "images": { "boot": "b", "root": "r", "hash": "h" }, "contents": contents,
            "packs": [{ "from": "1.0.0", "from_root_hash": digest, "target": "p", "head": head }],
            "frames": { "index": "i", "root": "fr", "boot": "fb" },
        }],
        "migrations": { "(1.0.0, 1.1.0)": ["m"], "(1.1.0, 1.2.0)": ["n", "o"], "(1.0.0,1.2.0)": [] },
    });
    folder.put("manifest", "everything", manifest.to_string())?;
    folder.put("build-report", "whole", report().to_string())?;
    let version = Version::new(1, 1, 0);
    let staged = Staged::new(SetId::B, version.clone(), "demo".into(), "x86_64".into(), contents);
    folder.put("records", "staged", [&[0], &*serde_json::to_vec(&staged)?].concat())?;
    let kept = Record::new(Version::new(1, 0, 0), version, 3).to_json();
    folder.put("records", "kept", [&[1], &*kept].concat())?;
    folder.put("records", "os-release", b"\x02ID=x\nVERSION_ID=\"1.2.3\"\nVARIANT_ID=demo\n")?;
    ledgers(folder)
}

fn report() -> serde_json::Value {
    let artifact = |file: &str| json!({ "file": file, "length": 1, "sha256": "00" });
    let image = json!({ "raw": artifact("a"), "transport": artifact("b"), "partition_bytes": 2, "fill_permille": 500 });
    json!({
        "format": 1, "variant": "demo", "arch": "x86_64", "version": "1.1.0", "product_line": "x", "filesystem": "erofs",
        "command_line": "quiet", "verity": { "root_hash": "00", "salt": "", "uuid": "u", "data_blocks": 9 },
        "secure_boot": { "subject": "CN=x", "certificate_sha256": "00" },
        "selinux": { "policy": "p", "mode": "enforcing", "file_contexts_sha256": "00", "labels": 1, "labelled_files": 2, "unlabelled_files": 3 },
        "images": { "boot": image, "root": image, "hash": image },
        "layout": { "label_prefix": "X", "efi_bytes": 1, "boot_bytes": 2, "root_bytes": 3, "hash_bytes": 4, "reserved_bytes": 5, "private_bytes": 6, "data_bytes": 7 },
    })
}

/// What a set says, what the kernel says, and a ledger with all that it can hold.
fn ledgers(folder: &Folder) -> io::Result<()> {
    let time = "2026-01-01T00:00:00Z";
    let waiting = json!({ "set": "B", "version": "1.1.0", "noted": time, "outcome": "waiting", "tries": 2, "noted_in": "boot-8", "contents": contents() });
    let good = json!({ "set": "A", "version": "1.0.0", "noted": time, "outcome": "good", "starts": 3, "good_starts": 2, "started": time, "ended": time, "unfinished": true, "panics": 1 });
    let running = json!({ "set": "A", "version": "1.0.0", "boot": "boot-7", "next": "B" });
    let ledger = json!({ "format": 1, "running": running, "going_to": "B", "known_records": ["0011223344556677"], "attempts": [good, waiting] });
    let bits = |a: u64, b: u64| [a.to_le_bytes(), b.to_le_bytes()].concat();
    let words = |text: &str, boot: u8| {
        [
            &u16::try_from(text.len()).expect("short").to_le_bytes()[..],
            &[boot],
            &[1, 0, 0, 0x60],
            text.as_bytes(),
        ]
        .concat()
    };
    let panic =
        "<0>[ 1.5] Kernel panic - not syncing: VFS: no root\n<0>[ 1.6] ---[ end Kernel panic";
    let both =
        |bits: Vec<u8>, words: Vec<u8>| [bits, words, ledger.to_string().into_bytes()].concat();
    folder.put("ledger", "panic", both(bits(0x0101 << 48, 0x0002 << 48), words(panic, 2)))?;
    let handover = "set=A\nrule=fallback\npriority=1\ntries=0\nsuccessful=yes\nspent=no\ncounted=yes\ntable=good\nreason=x\nfailed=B its kernel image came back\n";
    folder.put("ledger", "handover", both(bits(0x0101 << 48, 0x0012 << 48), words(handover, 18)))
}

/// A disk of two sets, as small as it can be.
fn disks(folder: &Folder) -> io::Result<()> {
    for (size, name) in [(BlockSize::B512, "512"), (BlockSize::B4096, "4096")] {
        let table = disk(size, 4 + 4);
        folder.put("partition-table", name, &table)?;
        let mut cut = table.clone();
        cut[3] = 3;
        folder.put("partition-table", &format!("{name}-cut"), &cut)?;
    }
    let mut selector = disk(BlockSize::B512, 4);
    selector.splice(4..4, [10, 14]);
    selector[3] = 0xF8;
    selector.extend(kernel_image(512));
    folder.put("selector", "two-sets", &selector)
}

/// Plan, header and entries of a disk; the backup copy is the same.
fn disk(size: BlockSize, entries: u32) -> Vec<u8> {
    let table_blocks = (u64::from(entries) * 128).div_ceil(size.bytes());
    let blocks = 36_u64;
    let first = 2 + table_blocks;
    let last = blocks - 2 - table_blocks;
    let mut header = [0; 92];
    let mut put =
        |offset: usize, bytes: &[u8]| header[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(0, b"EFI PART\0\0\x01\0\x5C\0\0\0");
    for (offset, value) in [(24, 1), (32, blocks - 1), (40, first), (48, last), (72, 2)] {
        put(offset, &value.to_le_bytes());
    }
    put(56, &[0xD1; 16]);
    put(80, &entries.to_le_bytes());
    put(84, &128_u32.to_le_bytes());
    let kinds = [
        PartType::Boot,
        PartType::Boot,
        PartType::Private,
        PartType::Data,
        PartType::Root,
        PartType::Hash,
        PartType::Root,
        PartType::Hash,
    ];
    let mut bytes = [&Plan::bytes(size, 36)[..], &header].concat();
    for (number, kind) in (0_u8..).zip(kinds).take(entries as usize) {
        let start = if number < 2 { 10 + 4 * u64::from(number) } else { 16 + u64::from(number) };
        let end = if number < 2 { start + 3 } else { start };
        bytes.extend(kind.guid().to_disk());
        bytes.extend([number + 1; 16]);
        bytes.extend(
            [start, end, (0x0112 - u64::from(number)) << 48].map(u64::to_le_bytes).concat(),
        );
        bytes.extend([b'x', 0].into_iter().chain([0; 70]));
    }
    bytes
}

/// A program with one section behind its headers, which names a release.
fn kernel_image(length: usize) -> Vec<u8> {
    let text = b"VERSION_ID=1.2.3\nVARIANT_ID=demo\n";
    let mut image = vec![0; length];
    let mut put =
        |offset: usize, bytes: &[u8]| image[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3C, &0x40_u32.to_le_bytes());
    put(0x40, b"PE\0\0\x64\x86\x01\0");
    put(0x54, &112_u16.to_le_bytes());
    put(0x58, &0x020B_u16.to_le_bytes());
    put(0x58 + 60, &256_u32.to_le_bytes());
    put(0x58 + 112, b".osrel\0\0");
    let size = u32::try_from(text.len()).expect("short").to_le_bytes();
    put(0x58 + 112 + 8, &size);
    put(0x58 + 112 + 16, &size);
    put(0x58 + 112 + 20, &320_u32.to_le_bytes());
    put(320, text);
    image
}

fn images(folder: &Folder) -> io::Result<()> {
    folder.put("kernel-image", "release", [&[0, 0], &*kernel_image(512)].concat())?;
    let [old, new] = releases::pair();
    let (tree, _) = releases::tree(&old[0]);
    folder.put("verity-superblock", "whole", &tree[..512])?;
    let edit = |kind: u8, place: u16, bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).expect("short");
        [&[kind, length][..], &place.to_le_bytes(), bytes].concat()
    };
    for (kind, name) in [
        (0, "hash-1"),
        (1, "hash-2"),
        (2, "hash-5"),
        (3, "hash-130"),
        (6, "data-5"),
        (7, "data-130"),
    ] {
        folder.put("verity-tree", name, edit(kind, 0, b""))?;
    }
    folder.put("verity-tree", "made-up", [&[128, 4, 0], &[7; 64][..]].concat())?;
    folder.put(
        "difference",
        "shuffled",
        b"\x08\x01\x02\x03\x04\x00\x05\x06\x07\x08\x02\x01\x03\x04\x00\x06\x05\x09\x03\x07\x05\x0a",
    )?;
    let pack = releases::pack(&old, &new);
    let length = zstd::zstd_safe::find_frame_compressed_size(&pack[12..]).expect("it has a head");
    let head = zstd::bulk::decompress(&pack[12..12 + length], 1 << 20)?;
    folder.put("pack-head", "plain", head)?;
    folder.put("pack-head", "compressed", &pack[12..12 + length])?;
    folder.put("pack", "head", edit(0, 0, b""))?;
    folder.put("pack", "pieces", edit(1, 0, b""))?;
    let compressed = zstd::bulk::compress(&old[0][..8192], 3)?;
    folder.put("pack", "piece", [&[2, 1, 1], &*compressed].concat())?;
    let [_, _, index] = releases::frames(&new);
    folder.put("frames-index", "whole", index)?;
    folder.put("frames-index", "frame", [&[1], &*zstd::bulk::compress(&[7; 8192], 3)?].concat())?;
    for (kind, name) in [(0, "root"), (1, "boot"), (2, "index")] {
        folder.put("frames", name, edit(kind, 0, b""))?;
    }
    Ok(())
}

fn answers(folder: &Folder) -> io::Result<()> {
    let line = |name: u8, value: &str| {
        [&[name, u8::try_from(value.len()).expect("short")], value.as_bytes()].concat()
    };
    let answer = |code: u8, lines: &[Vec<u8>]| {
        [vec![code, u8::try_from(lines.len()).expect("few")], lines.concat()].concat()
    };
    let before = answer(
        1,
        &[
            line(2, "\"a\""),
            line(3, "Sun, 06 Nov 1994 08:49:37 GMT"),
            line(4, "Sun, 06 Nov 1994 08:49:38 GMT"),
        ],
    );
    let part = answer(0, &[line(0, "bytes 5-9/100"), line(2, "\"a\""), line(1, "text/plain")]);
    let rest = answer(0, &[line(0, "bytes 5-99/*")]);
    let sizes = [99_u16, 5, 4].map(u16::to_le_bytes).concat();
    folder.put("http-answer", "part", [&*sizes, &before, &part].concat())?;
    folder.put("http-answer", "rest", [&*sizes, &before, &rest].concat())?;
    let connections = [
        (
            "length",
            "HTTP/1.1 200 OK\r\nContent-Length: 40\r\nETag: \"a\"\r\n\r\n0123456789012345678901234567890123456789",
        ),
        ("close", "HTTP/1.1 200 OK\r\n\r\n0123456789"),
        (
            "chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n",
        ),
        ("absent", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        ("later", "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 9\r\n\r\n"),
        (
            "informed",
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ),
    ];
    for (kind, (name, text)) in (0..).zip(connections) {
        folder.put("http-connection", name, [&[kind % 2, 255], text.as_bytes()].concat())?;
    }
    Ok(())
}

fn tars(folder: &Folder) -> io::Result<()> {
    for (name, long) in [("short", "targets/a"), ("long", &*format!("targets/{}", "a".repeat(120)))]
    {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, body) in [("metadata/timestamp.json", "{}"), (long, "body")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(body.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, body.as_bytes())?;
        }
        let bytes = builder.into_inner()?;
        folder.put("bundle", name, &bytes[..bytes.len() - 1024])?;
    }
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("path", &b"targets/b"[..]), ("mtime", b"1.5")])?;
    let mut header = tar::Header::new_ustar();
    header.set_size(4);
    header.set_cksum();
    builder.append(&header, &b"body"[..])?;
    let bytes = builder.into_inner()?;
    folder.put("bundle", "pax", &bytes[..bytes.len() - 1024])
}

fn metadata(folder: &Folder) -> io::Result<()> {
    for (number, signed) in (0_u8..).zip(tuf::mutated::contents()) {
        let role = [3, 0, 1, 2, 2, 2][usize::from(number)];
        let signed_bytes = signed.to_string();
        let bytes = match role {
            3 => tuf::repository::sign(signed_bytes.as_bytes()),
            _ => tuf::repository::forge(signed_bytes.as_bytes()),
        };
        folder.put("tuf-metadata", &format!("role-{number}"), [&[role], &*bytes].concat())?;
        folder.put(
            "tuf-metadata",
            &format!("signed-{number}"),
            [&[4], signed.to_string().as_bytes()].concat(),
        )?;
    }
    for target in ["tuf-repository", "tuf-differential"] {
        folder.put(target, "unchanged", b"")?;
        folder.put(target, "one-value", b"\x03\x02\x02\x00\x01\x02\x03\x04\x05\x06")?;
    }
    Ok(())
}
