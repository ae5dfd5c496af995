//! RAUC as a peer: a signed bundle of the same images in the plain format, installed to the same places.
//!
//! RAUC is a service on a bus, and its client asks it over that. Here the bus is one of its own that ends with the
//! client, and so do both. The bundle, a squashfs, is checked as a whole before it is mounted over a loop device, which needs root.
//! The boot loader is `noop`: nothing is told which slot is to start.

use std::fs;
use std::path::{Path, PathBuf};

use super::slots::Slots;
use crate::command::{Run, quote};
use crate::error::Error;
use crate::release::{PARTS, Release};
use crate::{Result, place};

/// The product that bundle and system are for.
const COMPATIBLE: &str = "bench";

/// Starts the service, waits until it is on the bus, and has it install the bundle.
const SESSION: &str = "export DBUS_STARTER_BUS_TYPE=session\n\
    rauc --conf=system.conf --override-boot-slot=A service &\n\
    service=$!\n\
    for turn in $(seq 500); do\n\
    \x20   busctl --user status de.pengutronix.rauc >/dev/null 2>&1 && break\n\
    \x20   sleep 0.02\n\
    done\n\
    rauc install update.raucb\n\
    code=$?\n\
    kill $service\n\
    wait $service\n\
    exit $code\n";

/// A bundle, and the system that it is for.
#[derive(Debug)]
pub(super) struct Bundle {
    folder: PathBuf,
}

impl Bundle {
    /// Makes a bundle of a release's images for these slots.
    ///
    /// # Errors
    ///
    /// Fails when rauc or openssl does.
    pub(super) fn make(folder: &Path, new: &Release, slots: &Slots) -> Result<Self> {
        let input = folder.join("input");
        place::make_folder(&input)?;
        for part in PARTS {
            let (image, link) = (new.image(part), input.join(format!("{part}.img")));
            fs::hard_link(&image, &link).map_err(Error::file("link", &image))?;
        }
        place::write(&input.join("manifest.raucm"), &manifest())?;
        place::write(&folder.join("system.conf"), &system(folder, slots))?;
        place::write(&folder.join("session.sh"), SESSION)?;
        let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"];
        let request = Run::new("openssl").args(new).args(["-subj", "/CN=bench", "-keyout"]);
        request.arg("key.pem").args(["-out", "certificate.pem"]).current_dir(folder).run()?;
        let bundle = Run::new("rauc").args(["--cert=certificate.pem", "--key=key.pem", "bundle"]);
        bundle.args(["input", "update.raucb"]).current_dir(folder).run()?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Installs it. The service flushes what it writes.
    pub(super) fn install(&self) -> Run {
        let session = format!("cd {} && exec sh session.sh", quote(&self.folder.to_string_lossy()));
        Run::new("dbus-run-session").args(["--", "sh", "-c", &session])
    }
}

/// What is in the bundle.
fn manifest() -> String {
    let image = |part| format!("\n[image.{part}]\nfilename={part}.img\n");
    let images: String = PARTS.into_iter().map(image).collect();
    format!("[update]\ncompatible={COMPATIBLE}\nversion=1.1.0\n\n[bundle]\nformat=plain\n{images}")
}

/// What the system consists of: group A runs, B is written.
fn system(folder: &Path, slots: &Slots) -> String {
    let folder = folder.display();
    let mut text = format!(
        "[system]\ncompatible={COMPATIBLE}\nbootloader=noop\nbundle-formats=plain\n\
         mountprefix={folder}/mnt\nstatusfile={folder}/status\n\n\
         [keyring]\npath={folder}/certificate.pem\n"
    );
    for (part, slot) in PARTS.iter().zip(slots.paths()) {
        let devices = [format!("{folder}/running-{part}"), slot.display().to_string()];
        for (index, device) in devices.iter().enumerate() {
            text += &section(part, index, device);
        }
    }
    text
}

/// One slot: that of the root names its group, the others follow it.
fn section(part: &str, index: usize, device: &str) -> String {
    let group = ["A", "B"].get(index).copied().unwrap_or_default();
    let place = match part {
        "root" => format!("bootname={group}"),
        _ => format!("parent=root.{index}"),
    };
    format!("\n[slot.{part}.{index}]\ndevice={device}\ntype=raw\n{place}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_slot_leads_its_group() {
        let root = "\n[slot.root.1]\ndevice=/s/root\ntype=raw\nbootname=B\n";
        assert_eq!(section("root", 1, "/s/root"), root);
        let hash = "\n[slot.hash.0]\ndevice=/s/hash\ntype=raw\nparent=root.0\n";
        assert_eq!(section("hash", 0, "/s/hash"), hash);
    }

    #[test]
    fn a_bundle_has_every_part() {
        let manifest = manifest();
        assert!(manifest.contains("\nformat=plain\n\n[image.boot]\nfilename=boot.img\n"));
        assert_eq!(manifest.matches("[image.").count(), PARTS.len());
    }
}
