//! Labels for SELinux: those that libselinux itself gives, in images that the tools of others read.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use tar::EntryType;
use world::{ACL, Entry, World, build, tool, usual};

/// File contexts with every rule, and with patterns that are easily read wrong.
const CONTEXTS: &str = r"# the whole system
/.*	system_u:object_r:default_t:s0
/	-d	system_u:object_r:root_t:s0
/usr(/.*)?		system_u:object_r:usr_t:s0
/usr/bin/.*	system_u:object_r:bin_t:s0
/usr/bin/su	--	system_u:object_r:su_exec_t:s0
/usr/bin/s.	--	system_u:object_r:later_but_not_exact_t:s0
/usr/lib/(long-){40}	--	system_u:object_r:braces_t:s0
/usr/lib/sp[[:space:]]ace.*	system_u:object_r:space_t:s0
/dev(/.*)?	system_u:object_r:device_t:s0
/dev/[^/]*	-c	system_u:object_r:char_t:s0
/dev/loop[0-9]	-b	system_u:object_r:loop_t:s0:c1,c2
/dev/(init|x)ctl	-p	system_u:object_r:fifo_t:s0
/dev/initctl	-s	system_u:object_r:socket_t:s0
/var/.*	<<none>>
/var/log(/.*)?	system_u:object_r:var_log_t:s0
/var/empty	--	<<none>>
/boot/vmlinuz-[^/]*?	system_u:object_r:boot_t:s0
/boot/.+	system_u:object_r:boot_t:s1
/etc/[-a-z]+	-l	system_u:object_r:link_t:s0
/odd/[[]x[]]	system_u:object_r:brackets_t:s0
/odd/[a&&b]	system_u:object_r:ampersand_t:s0
/odd/a\.b	system_u:object_r:exact_dot_t:s0
/odd/a.b	system_u:object_r:any_dot_t:s0
/odd/lost\+found	system_u:object_r:lost_found_t:s0
/odd/?joined	system_u:object_r:joined_t:s0
/odd/nl[a-z]	system_u:object_r:line_feed_t:s0
/odd/(a|)end	system_u:object_r:empty_t:s0
/odd/y{2,}	system_u:object_r:many_t:s0
";

/// What lies beside them, by the end of its name.
const COMPANIONS: [(&str, &str); 4] = [
    (
        ".homedirs",
        "/home/[^/]+ -d user_u:object_r:home_t:s0\n/home/[^/]+/.+ user_u:object_r:a_t:s0\n",
    ),
    (
        ".local",
        "/usr/bin/ping -- system_u:object_r:local_t:s0\n/home/b/.* system_u:object_r:b_t:s0\n",
    ),
    (".subs", "/srv/data /home\n/opt /alias\n"),
    (".subs_dist", "# folders\n/alias /usr/bin\n/lib /usr/lib\n/srv/data /dev\n"),
];

/// Files that the rules are about, beside the usual ones.
const FILES: [&str; 27] = [
    "odd/[x]",
    "odd/[",
    "odd/&",
    "odd/a",
    "odd/c",
    "odd/a.b",
    "odd/axb",
    "odd/lost+found",
    "odd/nlx",
    "odd/nlx\n",
    "odd/nl\n",
    "odd/end",
    "odd/aend",
    "odd/yy",
    "odd/yyyy",
    "odd/y",
    "odd/joined",
    "oddjoined",
    "home/a/x",
    "home/b/x",
    "home/b/x/y",
    "lib/x",
    "opt/su",
    "opt/x",
    "srv/data/a/x",
    "srv/database",
    "top",
];

/// The kernel's attribute of what a program may do more than its user, in its second version.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn entries() -> Vec<Entry> {
    let mut entries = usual();
    let capable = Entry::file("./usr/bin/capable", "").xattr("security.capability", &CAPABILITY);
    let foreign = Entry::file("./usr/bin/foreign", "")
        .xattr("security.selinux", b"other_u:object_r:other_t:s0\0");
    let kept =
        Entry::file("./var/kept", "").xattr("security.selinux", b"other_u:object_r:o_t:s0\0");
    entries.extend([capable, foreign, kept]);
    // 'home/b/x' is a folder: an archive names no file below a file.
    let folder = |name: &&str| FILES.iter().any(|other| other.starts_with(&format!("{name}/")));
    entries.extend(FILES.iter().map(|name| {
        let path = format!("./{name}");
        if folder(name) { Entry::folder(&path) } else { Entry::file(&path, "") }
    }));
    entries
}

/// A world with file contexts and a root filesystem for them.
fn labelled(more: &str) -> World {
    let world = World::new();
    fs::write(world.path("contexts"), CONTEXTS).unwrap();
    for (suffix, text) in COMPANIONS {
        fs::write(world.path(&format!("contexts{suffix}")), text).unwrap();
    }
    world.tar("rootfs.tar", &entries());
    world.spec(&format!("{more}\n[selinux]\nfile_contexts = 'host:contexts'\n"));
    world
}

/// What libselinux gives a path; none for no label.
fn label_of_libselinux(world: &World, path: &str, mode: u16) -> Option<String> {
    let mut command = Command::new("selabel_lookup");
    command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").args(["-r", "-b", "file", "-f"]);
    command.arg(world.path("contexts")).args(["-k", path, "-t", &mode.to_string()]);
    let output = command.output();
    let output =
        output.expect("selabel_lookup is missing: install the Debian package selinux-utils");
    let said = String::from_utf8(output.stdout).unwrap();
    let label = said.strip_prefix("Default context: ").map(|label| label.trim_end().to_owned());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(label.is_some() || complaint.contains("failed to find"), "{path}: {said}{complaint}");
    label
}

/// An erofs image; where its inodes are is asked of dump.erofs, and its attributes are read here.
struct Image {
    path: String,
    bytes: Vec<u8>,
}

impl Image {
    fn of(world: &World) -> Self {
        let path = world.path("out/root.img");
        let bytes = fs::read(&path).unwrap();
        let path = path.to_str().unwrap().to_owned();
        tool("fsck.erofs", "erofs-utils", &[&path]);
        Self { path, bytes }
    }

    fn number<const N: usize>(&self, at: usize) -> usize {
        let bytes = &self.bytes[at..at + N];
        bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    }

    /// Where the inode of a path lies.
    fn inode(&self, path: &str) -> usize {
        let said = tool("dump.erofs", "erofs-utils", &[&format!("--path={path}"), &self.path]);
        let number = said.split("NID: ").nth(1).unwrap().split_whitespace().next().unwrap();
        self.number::<4>(1024 + 40) * 4096 + number.parse::<usize>().unwrap() * 32
    }

    fn mode(&self, path: &str) -> u16 {
        u16::try_from(self.number::<2>(self.inode(path) + 4)).unwrap()
    }

    /// The attributes of a path, and how many of them are shared.
    fn attributes(&self, path: &str) -> (BTreeMap<String, Vec<u8>>, usize) {
        let inode = self.inode(path);
        let units = self.number::<2>(inode + 2);
        let mut found = BTreeMap::new();
        if units == 0 {
            return (found, 0);
        }
        let header = inode + if self.number::<2>(inode) & 1 == 0 { 32 } else { 64 };
        let end = header + 12 + (units - 1) * 4;
        let shared = self.number::<1>(header + 4);
        for index in 0..shared {
            let place = self.number::<4>(header + 12 + index * 4) * 4;
            self.entry(self.number::<4>(1024 + 44) * 4096 + place, &mut found);
        }
        let mut next = header + 12 + shared * 4;
        while next < end {
            next = self.entry(next, &mut found);
        }
        assert_eq!(next, end, "{path}");
        (found, shared)
    }

    fn entry(&self, at: usize, found: &mut BTreeMap<String, Vec<u8>>) -> usize {
        let (name, value) = (self.number::<1>(at), self.number::<2>(at + 2));
        let kinds = [
            "",
            "user.",
            "system.posix_acl_access",
            "system.posix_acl_default",
            "",
            "",
            "security.",
        ];
        let rest = String::from_utf8(self.bytes[at + 4..at + 4 + name].to_vec()).unwrap();
        let value = self.bytes[at + 4 + name..at + 4 + name + value].to_vec();
        let end = (at + 4 + name + value.len()).next_multiple_of(4);
        found.insert(format!("{}{rest}", kinds[self.number::<1>(at + 1)]), value);
        end
    }

    fn label(&self, path: &str) -> Option<String> {
        let value = self.attributes(path).0.remove("security.selinux")?;
        let text = String::from_utf8(value).unwrap();
        Some(text.strip_suffix('\0').expect("labels end with a zero").to_owned())
    }
}

#[test]
fn labels_are_those_of_libselinux() {
    let world = labelled("");
    world.build("rootfs.tar", "out");
    let image = Image::of(&world);
    let mut labels = BTreeMap::new();
    for entry in entries() {
        let name = String::from_utf8(entry.name).unwrap();
        let name = name.strip_prefix('.').unwrap();
        let path = if name == "/" { name } else { name.trim_end_matches('/') };
        // A file with two names has the label of the first.
        let first = if path == "/usr/bin/su-again" { "/usr/bin/su" } else { path };
        let wanted = label_of_libselinux(&world, first, image.mode(path) & 0o170_000);
        assert_eq!(image.label(path), wanted, "{path:?}");
        labels.insert(path.to_owned(), wanted);
    }
    // So that neither side gives one label to all.
    let label = |path: &str| labels[path].as_deref();
    assert_eq!(label("/usr/bin/su"), Some("system_u:object_r:su_exec_t:s0"));
    assert_eq!(label("/opt/su"), Some("system_u:object_r:su_exec_t:s0"));
    assert_eq!(label("/var/big"), None);
    assert_eq!(label("/odd/nlx\n"), Some("system_u:object_r:line_feed_t:s0"));
    assert_eq!(label("/usr/bin/foreign"), Some("system_u:object_r:bin_t:s0"));
    assert_eq!(label("/var/kept"), None);
}

#[test]
fn labels_lie_once_in_the_image_beside_other_attributes() {
    let world = labelled("");
    world.build("rootfs.tar", "out");
    let image = Image::of(&world);
    let (found, shared) = image.attributes("/usr/bin/capable");
    assert_eq!(found["security.selinux"], b"system_u:object_r:bin_t:s0\0");
    assert_eq!(found["security.capability"], CAPABILITY);
    assert_eq!((found.len(), shared), (2, 1));
    let (found, shared) = image.attributes("/var/log");
    assert_eq!(found["security.selinux"], b"system_u:object_r:var_log_t:s0\0");
    assert_eq!(found["system.posix_acl_access"], ACL);
    assert_eq!((found.len(), shared), (3, 1));
    let copies = image.bytes.windows(12).filter(|bytes| bytes == b"object_r:bin").count();
    assert_eq!(copies, 1);
}

#[test]
fn the_report_says_which_policy_and_inspect_shows_it() {
    let world = labelled("");
    let mut entries = entries();
    let config = "# mode\nSELINUX=enforcing\nSELINUXTYPE=default\n";
    entries.push(Entry::file("./etc/selinux/config", config));
    world.tar("rootfs.tar", &entries);
    let report = world.build("rootfs.tar", "out");
    assert_eq!(report["selinux"]["policy"], "default");
    assert_eq!(report["selinux"]["mode"], "enforcing");
    assert_eq!(report["selinux"]["unlabelled_files"], 3);
    let shown = world.done(&["inspect", "out"]);
    assert!(shown.contains("selinux        policy default, enforcing; "), "{shown}");
    let digest = report["selinux"]["file_contexts_sha256"].clone();
    fs::write(world.path("contexts.local"), "").unwrap();
    let other = world.build("rootfs.tar", "out");
    assert_ne!(other["selinux"]["file_contexts_sha256"], digest);
    assert_ne!(other["verity"]["root_hash"], report["verity"]["root_hash"]);
}

#[test]
fn file_contexts_of_the_root_filesystem_are_found_with_what_lies_beside_them() {
    let world = labelled("");
    let on_host = world.build("rootfs.tar", "out");
    let files = |world: &World| {
        let mut entries = entries();
        for suffix in [""].into_iter().chain(COMPANIONS.map(|(suffix, _)| suffix)) {
            let text = fs::read(world.path(&format!("contexts{suffix}"))).unwrap();
            entries.push(Entry::file(&format!("./etc/selinux/p/files/fc{suffix}"), text));
        }
        entries
    };
    world.tar("rootfs.tar", &files(&world));
    world.spec("[selinux]\nfile_contexts = '/etc/selinux/*/files/fc'\n");
    let inside = world.build("rootfs.tar", "out");
    let digest = |report: &serde_json::Value| report["selinux"]["file_contexts_sha256"].clone();
    assert_eq!(digest(&inside), digest(&on_host));
    assert_eq!(
        Image::of(&world).label("/opt/su").as_deref(),
        Some("system_u:object_r:su_exec_t:s0")
    );
}

#[test]
fn ext4_has_the_same_labels() {
    let world = labelled("filesystem = 'ext4'");
    let entries = entries().into_iter().filter(|entry| !entry.name.contains(&b'\n'));
    world.tar("rootfs.tar", &entries.collect::<Vec<_>>());
    world.build("rootfs.tar", "out");
    let image = world.path("out/root.img");
    let ask =
        |question: &str| tool("debugfs", "e2fsprogs", &["-R", question, image.to_str().unwrap()]);
    let label = ask("ea_get /usr/bin/su security.selinux");
    assert!(label.contains("system_u:object_r:su_exec_t:s0"), "{label}");
    let both = ask("ea_list /usr/bin/capable");
    assert!(
        both.contains("security.capability (20)") && both.contains("security.selinux"),
        "{both}"
    );
    assert!(!ask("ea_list /var/kept").contains("selinux"));
}

#[test]
fn without_the_table_attributes_stay_as_they_came() {
    let world = labelled("");
    world.spec("");
    let report = world.build("rootfs.tar", "out");
    assert!(report.get("selinux").is_none());
    let image = Image::of(&world);
    assert_eq!(image.label("/usr/bin/foreign").as_deref(), Some("other_u:object_r:other_t:s0"));
    assert_eq!(image.label("/usr/bin/su"), None);
}

#[test]
fn what_cannot_be_labelled_is_refused_by_line() {
    let world = labelled("");
    let fails = |code, wanted: &str| {
        let said = world.fails(code, &build("rootfs.tar", "out"));
        assert!(said.contains(wanted), "{said}");
    };
    fs::write(world.path("contexts.local"), "# one\n/a(?i)b u:r:t\n").unwrap();
    fails(4, "line 2 of contexts.local cannot be taken");
    fs::remove_file(world.path("contexts")).unwrap();
    fails(2, "there is no contexts");
    world.spec("[selinux]\nfile_contexts = 'etc/none'\n");
    fails(2, "/etc/none");
}

#[test]
fn devices_are_labelled_by_their_type() {
    let world = labelled("");
    let mut entries = entries();
    entries.push(Entry::device("./dev/loop1", EntryType::Char));
    world.tar("rootfs.tar", &entries);
    world.build("rootfs.tar", "out");
    let image = Image::of(&world);
    assert_eq!(image.label("/dev/loop0").as_deref(), Some("system_u:object_r:loop_t:s0:c1,c2"));
    assert_eq!(image.label("/dev/loop1").as_deref(), Some("system_u:object_r:char_t:s0"));
}
