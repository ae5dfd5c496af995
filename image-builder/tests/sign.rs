//! Programs signed for Secure Boot, as the tools of others see them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use world::{STUB, World, build, stderr, tool};

const SIGNED: &str = "[secure_boot]\nkey = 'host:db.key'\ncertificate = 'host:db.crt'\n";

/// A world with a key, and a spec that names it.
fn world() -> World {
    let world = World::new();
    make_key(&world, "db", &["-newkey", "rsa:2048"]);
    world.spec(SIGNED);
    world
}

/// Makes a key and a certificate of its own.
fn make_key(world: &World, name: &str, kind: &[&str]) {
    let [key, certificate] = ["key", "crt"].map(|kind| text(world, &format!("{name}.{kind}")));
    let subject = format!("/O=Waystone tests/CN={name}");
    let start = ["req", "-x509", "-nodes", "-sha256", "-days", "3650", "-subj", &subject];
    let files = ["-keyout", &key, "-out", &certificate];
    tool("openssl", "openssl", &[&start[..], kind, &files].concat());
}

fn text(world: &World, name: &str) -> String {
    world.path(name).to_str().unwrap().to_owned()
}

/// The fingerprint of a certificate, as openssl tells it.
fn fingerprint(world: &World, name: &str) -> String {
    let certificate = text(world, name);
    let arguments = ["x509", "-in", &certificate, "-noout", "-fingerprint", "-sha256"];
    let said = tool("openssl", "openssl", &arguments);
    said.trim().split_once('=').unwrap().1.replace(':', "").to_lowercase()
}

/// Whether a program is signed by the owner of a certificate.
fn verifies(world: &World, program: &str, certificate: &str) -> bool {
    let arguments = ["--cert", &text(world, certificate), &text(world, program)];
    let output = Command::new("/usr/bin/sbverify").args(arguments).output();
    output.expect("sbverify is missing: install the Debian package sbsigntool").status.success()
}

fn inspect(world: &World, path: &str) -> Value {
    serde_json::from_str(&world.done(&["inspect", path, "--json"])).unwrap()
}

#[test]
fn a_boot_image_is_signed_by_the_key_of_the_spec_and_no_other() {
    let world = world();
    let report = world.build("rootfs.tar", "out");
    make_key(&world, "rogue", &["-newkey", "rsa:2048"]);
    assert!(verifies(&world, "out/boot.img", "db.crt"));
    assert!(!verifies(&world, "out/boot.img", "rogue.crt"));
    let told = &report["secure_boot"];
    assert_eq!(told["certificate_sha256"], fingerprint(&world, "db.crt").as_str());
    assert_eq!(told["subject"], "CN=db,O=Waystone tests");
    assert!(world.done(&["inspect", "out"]).contains("CN=db,O=Waystone tests"));
}

#[test]
fn a_build_without_a_key_says_nothing_of_signatures() {
    let world = World::new();
    let report = world.build("rootfs.tar", "out");
    assert_eq!(report.get("secure_boot"), None);
    assert_eq!(inspect(&world, "out/boot.img")["signatures"], serde_json::json!([]));
}

#[test]
fn the_time_of_a_signature_is_that_of_the_spec_and_so_are_its_bytes() {
    let world = world();
    world.build("rootfs.tar", "one");
    world.build("rootfs.tar", "two");
    let [one, two] =
        ["one", "two"].map(|out| fs::read(world.path(&format!("{out}/boot.img"))).unwrap());
    assert!(one == two);
    let (signature, image) = (text(&world, "signature"), text(&world, "one/boot.img"));
    tool("sbattach", "sbsigntool", &["--detach", &signature, &image]);
    let arguments = ["asn1parse", "-inform", "DER", "-in", &signature];
    let fields = tool("openssl", "openssl", &arguments);
    let (_, after) = fields.split_once("signingTime").unwrap();
    let time = after.lines().find(|line| line.contains("UTCTIME")).unwrap();
    assert!(time.ends_with(":240101000000Z"), "{time}");
}

#[test]
fn the_clock_is_used_when_it_is_asked_for() {
    let world = world();
    world.spec(&format!("{SIGNED}signing_time = 'now'"));
    world.done(&["sign", "--spec", "image.toml", "--out", "signed.efi", STUB]);
    assert!(verifies(&world, "signed.efi", "db.crt"));
    let (signature, image) = (text(&world, "signature"), text(&world, "signed.efi"));
    tool("sbattach", "sbsigntool", &["--detach", &signature, &image]);
    let fields = tool("openssl", "openssl", &["asn1parse", "-inform", "DER", "-in", &signature]);
    assert!(!fields.contains(":240101000000Z"));
}

#[test]
fn inspect_tells_whose_signature_it_is_and_whether_it_fits() {
    let world = world();
    world.build("rootfs.tar", "out");
    let facts = inspect(&world, "out/boot.img");
    assert_eq!(facts["trailing_bytes"], 0);
    let signature = &facts["signatures"][0];
    assert_eq!(signature["fits"], true);
    assert_eq!(signature["signer"]["certificate_sha256"], fingerprint(&world, "db.crt").as_str());
    let mut bytes = fs::read(world.path("out/boot.img")).unwrap();
    let place = bytes.windows(13).position(|text| text == b"console=ttyS0").unwrap();
    bytes[place] = b'C';
    fs::write(world.path("patched"), &bytes).unwrap();
    assert_eq!(inspect(&world, "patched")["signatures"][0]["fits"], false);
    assert!(world.done(&["inspect", "patched"]).contains("of ANOTHER program"));
    // In a partition zeros follow the image.
    bytes[place] = b'c';
    bytes.extend([0; 4096]);
    fs::write(world.path("partition"), &bytes).unwrap();
    let facts = inspect(&world, "partition");
    assert_eq!(
        (&facts["trailing_bytes"], &facts["signatures"][0]["fits"]),
        (&4096.into(), &true.into())
    );
}

#[test]
fn damaged_signatures_are_told_without_panic() {
    let world = world();
    world.done(&["sign", "--spec", "image.toml", "--out", "signed.efi", STUB]);
    let signed = fs::read(world.path("signed.efi")).unwrap();
    let start = fs::metadata(STUB).unwrap().len();
    for place in (usize::try_from(start).unwrap()..signed.len()).step_by(7) {
        let mut bytes = signed.clone();
        bytes[place] ^= 0xFF;
        let image = image_builder::uki::Image::parse(&bytes).unwrap();
        let _ = image_builder::sign::signatures(&image, &bytes);
    }
}

#[test]
fn a_disk_gets_a_signed_selector() {
    let world = world();
    world.build("rootfs.tar", "out");
    fs::copy(STUB, world.path("selector.efi")).unwrap();
    let disk = ["disk", "--json", "--parts", "out", "--out", "disk.img", "--leave-empty"];
    let program = ["--efi-binary", "selector.efi"];
    let report = world.done(&[&disk[..], &program, &["--spec", "image.toml"]].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["only_boot_image_signed"], false);
    let told = &report["efi_signed_by"][0]["certificate_sha256"];
    assert_eq!(told, fingerprint(&world, "db.crt").as_str());
    let efi = &report["partitions"].as_array().unwrap()[1];
    assert_eq!(efi["role"], "efi");
    let image = format!("{}@@{}", text(&world, "disk.img"), efi["start"]);
    let out = text(&world, "extracted.efi");
    tool("mcopy", "mtools", &["-i", &image, "::EFI/BOOT/BOOTX64.EFI", &out]);
    assert!(verifies(&world, "extracted.efi", "db.crt"));
    let report: Value = serde_json::from_str(&world.done(&[&disk[..], &program].concat())).unwrap();
    assert_eq!(report["efi_signed_by"], serde_json::json!([]), "as it is, without the spec");
    assert_eq!(report["only_boot_image_signed"], true);
    let disk = ["disk", "--parts", "out", "--out", "disk.img", "--leave-empty"];
    assert!(world.done(&[&disk[..], &program].concat()).contains("--spec signs it"));
}

#[test]
fn what_cannot_be_signed_is_refused_with_its_reason() {
    let world = world();
    let sign = |program| ["sign", "--spec", "image.toml", "--out", "signed.efi", program];
    assert!(world.fails(4, &sign("rootfs.tar")).contains("only EFI programs"));
    world.done(&sign(STUB));
    let again = ["sign", "--spec", "image.toml", "--out", "again.efi", "signed.efi"];
    assert!(world.fails(4, &again).contains("it is signed already"));
    make_key(&world, "rogue", &["-newkey", "rsa:2048"]);
    world.spec(&SIGNED.replace("db.key", "rogue.key"));
    let error = world.fails(1, &build("rootfs.tar", "out"));
    assert!(error.contains("key values mismatch"), "{error}");
    assert!(!world.path("out").exists() || world::names(&world.path("out")).is_empty());
    world.spec(&SIGNED.replace("db.crt", "db.key"));
    assert!(world.fails(2, &sign(STUB)).contains("is no certificate as PEM"));
    make_key(&world, "db", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    world.spec(SIGNED);
    assert!(world.fails(2, &sign(STUB)).contains("firmware verifies RSA"));
    world.spec("");
    assert!(world.fails(2, &sign(STUB)).contains("the spec has no [secure_boot]"));
}

#[test]
fn a_wrong_key_is_told_before_anything_is_built() {
    let world = world();
    fs::write(world.path("db.key"), "nothing").unwrap();
    let arguments = build("rootfs.tar", "out");
    world.fails(1, &[&arguments[..], &["--dry-run"]].concat());
}

#[test]
fn a_key_in_a_token_gives_the_same_bytes_as_in_a_file() {
    let world = world();
    let (tokens, configuration) = (text(&world, "tokens"), text(&world, "softhsm2.conf"));
    fs::create_dir(&tokens).unwrap();
    fs::write(&configuration, format!("directories.tokendir = {tokens}\n")).unwrap();
    fs::write(world.path("pin"), "1234").unwrap();
    let token = |program: &str, arguments: &[&str]| -> Output {
        let mut command = Command::new(program);
        command.env("SOFTHSM2_CONF", &configuration).current_dir(world.path("")).args(arguments);
        command.output().expect("install the Debian package softhsm2")
    };
    let pins = ["--pin", "1234", "--so-pin", "1234"];
    let made = token(
        "softhsm2-util",
        &[&["--init-token", "--free", "--label", "builder"], &pins[..]].concat(),
    );
    assert!(made.status.success(), "{}", stderr(&made));
    let import = ["--import", "db.key", "--token", "builder", "--label", "db", "--id", "01"];
    let made = token("softhsm2-util", &[&import[..], &["--pin", "1234"]].concat());
    assert!(made.status.success(), "{}", stderr(&made));
    world.done(&["sign", "--spec", "image.toml", "--out", "file.efi", STUB]);
    let uri =
        format!("pkcs11:token=builder;object=db;type=private?pin-source={}", text(&world, "pin"));
    world.spec(&SIGNED.replace("host:db.key", &uri));
    let sign = ["sign", "--spec", "image.toml", "--out", "token.efi", STUB];
    let signed = token(env!("CARGO_BIN_EXE_image-builder"), &sign);
    let hint = "install the Debian package libengine-pkcs11-openssl";
    assert!(signed.status.success(), "{}: {hint}", stderr(&signed));
    let [file, token] = ["file.efi", "token.efi"].map(|name| fs::read(world.path(name)).unwrap());
    assert!(file == token);
}
