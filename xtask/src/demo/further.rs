//! The demo's machine once more, for whoever wants to try a release of their own.

use super::folder::Folder;
use super::guest::{Boot, Guest};
use crate::error::Error;
use crate::server::Server;
use crate::steps::say;
use crate::{Result, place};

/// What the machine does first, unless it is told otherwise.
const UPDATE: [&str; 3] = ["updog status", "updog check-update", "updog update --reboot"];

/// What it does at the end of the first orders and in every later boot that gets so far.
const LOOK: &str = "updog status";
const OFF: &str = "systemctl poweroff";

/// More boots than any release has tries, and the way back.
const MANY: usize = 20;

/// Starts the machine, carries out the orders, and starts it again until it has come to rest.
///
/// # Errors
///
/// Fails when there is no machine, when an order fails, and when it never comes to rest.
pub(super) fn go_on(folder: &Folder, orders: &[String]) -> Result<()> {
    let (disk, consoles) = (folder.join("disk.img"), folder.join("consoles"));
    if !consoles.exists() {
        let problem = "the demo there started no machine: run it without --no-boot".to_owned();
        return Err(Error::Usage(problem));
    }
    place::length(&disk)?;
    let server = Server::start(&folder.join("repository"), &folder.join("commands.log"))?;
    let guest = Guest::new(&consoles, &disk, server.port()?);
    let mut orders: Vec<&str> = match orders {
        [] => UPDATE.to_vec(),
        orders => orders.iter().map(String::as_str).collect(),
    };
    for number in 1..=MANY {
        orders.push(OFF);
        say(&format!("boot {number}\n"));
        let name = format!("further-{number}");
        let said = guest.boot(&Boot { name: &name, orders: &orders, expected: Vec::new() })?;
        if said.has(&format!("demo: $ {OFF}")) {
            return Ok(());
        }
        orders = vec![LOOK];
    }
    Err(Error::Untrue(format!("the machine did not come to rest in {MANY} boots")))
}
