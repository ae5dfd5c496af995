//! Brings up the one network card: an address of its own, and no gateway.
//!
//! rtnetlink(7): a header, what is meant, and its attributes, each padded to four bytes; the kernel answers with an error number.

use std::fs;
use std::io;
use std::net::Ipv4Addr;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, sendto, socket};

/// What the test's network gives to its only guest.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const PREFIX: u8 = 24;

const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
/// A request that wants an answer.
const REQUEST: u16 = 0x1 | 0x4;
/// One that makes something which is not there.
const CREATE: u16 = REQUEST | 0x400 | 0x200;
const HEADER: usize = 16;
const ATTRIBUTE_ADDRESS: u16 = 1;
const ATTRIBUTE_LOCAL: u16 = 2;
const UP: u32 = 1;

/// Gives the card its address and switches it on; a machine without a card is left as it is.
///
/// # Errors
///
/// Fails when the kernel refuses.
pub(crate) fn bring_up() -> io::Result<()> {
    let Some((name, index)) = card()? else { return Ok(()) };
    let [index, up] = [index, UP].map(u32::to_ne_bytes);
    let inet = 2_u8;
    let mut address = vec![inet, PREFIX, 0, 0];
    address.extend(index);
    for kind in [ATTRIBUTE_LOCAL, ATTRIBUTE_ADDRESS] {
        address.extend([8_u16.to_ne_bytes(), kind.to_ne_bytes()].concat());
        address.extend(ADDRESS.octets());
    }
    request(NEW_ADDRESS, CREATE, &address)?;
    // Of which family and kind it is does not matter: four bytes of zeros.
    request(NEW_LINK, REQUEST, &[[0; 4], index, up, up].concat())?;
    println!("guest: {name} is {ADDRESS}/{PREFIX}");
    Ok(())
}

/// The card's name and number.
fn card() -> io::Result<Option<(String, u32)>> {
    for entry in fs::read_dir("/sys/class/net")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "lo" {
            let index = fs::read_to_string(entry.path().join("ifindex"))?;
            return Ok(Some((name, index.trim().parse().map_err(io::Error::other)?)));
        }
    }
    Ok(None)
}

/// Asks the kernel, and looks at its answer.
fn request(kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(HEADER + body.len()).map_err(io::Error::other)?;
    let mut message = length.to_ne_bytes().to_vec();
    message.extend([kind.to_ne_bytes(), flags.to_ne_bytes()].concat());
    message.extend([0; 8]);
    message.extend(body);
    // Of the families of netlink, routing is the one without a number.
    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    sendto(&socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = [0; 256];
    let (_, length) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    let code = answer[..length].get(HEADER..HEADER + 4).and_then(|code| code.try_into().ok());
    match code.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(code) => Err(Errno::from_raw_os_error(-code).into()),
        None => Err(io::Error::other("the kernel's answer is too short")),
    }
}
