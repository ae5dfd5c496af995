//! SWUpdate as a peer: a signed update file of the same images, installed to the same places.
//!
//! Debian's build wants a description signed with CMS by a certificate for `emailProtection`, and a hardware
//! revision that the description lists. Images are compressed with zstd and written while they are read.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use ring::digest;

use crate::Result;
use crate::command::Run;
use crate::error::Error;
use crate::place;

/// Hardware revision that the update is for.
const HARDWARE: &str = "bench:1.0";

/// An update file and the certificate that it is signed for.
#[derive(Debug)]
pub(super) struct Update {
    file: PathBuf,
    certificate: PathBuf,
}

/// An image and the file that stands for its partition.
#[derive(Debug)]
pub(super) struct Image<'a> {
    /// The raw image.
    pub(super) raw: &'a Path,
    /// Where it is written to.
    pub(super) slot: &'a Path,
}

impl Update {
    /// Compresses the images, describes, signs and packs them.
    ///
    /// # Errors
    ///
    /// Fails when zstd or openssl does.
    pub(super) fn make(folder: &Path, images: &[Image<'_>]) -> Result<Self> {
        place::make_folder(folder)?;
        let packed: Result<Vec<_>> = images.iter().map(|image| compress(folder, image)).collect();
        let packed = packed?;
        let description = folder.join("sw-description");
        place::write(&description, &describe(&packed))?;
        let certificate = sign(folder, &description)?;
        let names = packed.iter().map(|one| folder.join(&one.name));
        let members = [description, folder.join("sw-description.sig")].into_iter().chain(names);
        let file = folder.join("update.swu");
        archive(&file, &members.collect::<Vec<_>>()).map_err(Error::file("write", &file))?;
        Ok(Self { file, certificate })
    }

    /// Installs it; what was written is flushed before the end, as the other sides do.
    pub(super) fn install(&self, slots: &[&Path]) -> Run {
        let swupdate =
            Run::new("swupdate").arg("-i").arg(&self.file).arg("-k").arg(&self.certificate);
        let swupdate = swupdate.args(["-H", HARDWARE]).shown();
        let sync = Run::new("sync").args(slots).shown();
        Run::new("sh").args(["-c", &format!("{swupdate} && {sync}")])
    }
}

/// A compressed image.
struct Packed {
    name: String,
    sha256: String,
    slot: PathBuf,
}

fn compress(folder: &Path, image: &Image<'_>) -> Result<Packed> {
    let stem = image.raw.file_name().unwrap_or_default().to_string_lossy();
    let name = format!("{stem}.zst");
    let path = folder.join(&name);
    let zstd = Run::new("zstd").args(["-3", "--threads=0", "--quiet", "--force", "-o"]);
    zstd.arg(&path).arg(image.raw).run()?;
    let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
    let sha256 = hex::encode(digest::digest(&digest::SHA256, &bytes));
    Ok(Packed { name, sha256, slot: image.slot.to_owned() })
}

fn describe(images: &[Packed]) -> String {
    let (_, revision) = HARDWARE.split_once(':').unwrap_or_default();
    let one = |image: &Packed| {
        let Packed { name, sha256, slot } = image;
        format!(
            "    {{ filename = \"{name}\"; device = \"{}\"; type = \"raw\"; compressed = \"zstd\"; \
             sha256 = \"{sha256}\"; installed-directly = true; }}",
            slot.display()
        )
    };
    let images: Vec<_> = images.iter().map(one).collect();
    let images = images.join(",\n");
    format!(
        "software = {{\n  version = \"1.1.0\";\n  hardware-compatibility = [ \"{revision}\" ];\n  \
         images: (\n{images}\n  );\n}}\n"
    )
}

/// Makes a key and a certificate, signs the description and gives the certificate.
fn sign(folder: &Path, description: &Path) -> Result<PathBuf> {
    let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| folder.join(name));
    let new =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=bench"];
    let usage =
        ["-addext", "extendedKeyUsage=emailProtection", "-addext", "keyUsage=digitalSignature"];
    let request = Run::new("openssl").args(new).args(usage).arg("-keyout").arg(&key);
    request.arg("-out").arg(&certificate).run()?;
    let cms =
        Run::new("openssl").args(["cms", "-sign", "-outform", "DER", "-nosmimecap", "-binary"]);
    let cms =
        cms.arg("-in").arg(description).arg("-signer").arg(&certificate).arg("-inkey").arg(&key);
    cms.arg("-out").arg(folder.join("sw-description.sig")).run()?;
    Ok(certificate)
}

/// Writes a cpio archive in the format `newc`.
fn archive(path: &Path, members: &[PathBuf]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for (number, member) in members.iter().enumerate() {
        let mut file = File::open(member)?;
        let length = file.metadata()?.len();
        let name = member.file_name().unwrap_or_default().to_string_lossy().into_owned();
        out.write_all(&header(number + 1, &name, length))?;
        io::copy(&mut file, &mut out)?;
        out.write_all(padding(length))?;
    }
    out.write_all(&header(0, "TRAILER!!!", 0))?;
    out.flush()
}

/// Magic and thirteen numbers of eight hexadecimal digits, then the name; all padded to four bytes.
fn header(inode: usize, name: &str, length: u64) -> Vec<u8> {
    let name_length = name.len() + 1;
    let mut bytes = format!(
        "070701{inode:08X}{mode:08X}{zero}{zero}{links:08X}{zero}{length:08X}{zero}{zero}{zero}{zero}\
         {name_length:08X}{zero}{name}\0",
        mode = 0o100_644,
        links = 1,
        zero = "00000000",
    )
    .into_bytes();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn padding(length: u64) -> &'static [u8] {
    match length % 4 {
        0 => &[],
        1 => &[0; 3],
        2 => &[0; 2],
        _ => &[0; 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_padded_to_four_bytes() {
        let bytes = header(1, "sw-description", 5);
        assert_eq!(bytes.len(), 128);
        assert!(bytes.starts_with(b"07070100000001000081A4"));
        assert_eq!(&bytes[110..124], b"sw-description");
        assert_eq!(padding(5).len(), 3);
        assert_eq!(padding(8).len(), 0);
    }
}
