//! Hashing data into leaves, on several threads.
//!
//! Threads take chunks in rising order, read and hash their data, and pass the leaves on; the calling
//! thread puts them in order and gives them to whoever wants them. Buffers for leaves circulate, and a thread takes one
//! before it takes a chunk, so that memory is bounded and the chunk that is waited for always has its buffer.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::block::BLOCK_BYTES;
use crate::chunk::{CHUNK_LEAF_BYTES, Chunk, Chunks, READ_BYTES};
use crate::shape::DIGEST_SIZE;
use crate::{AlignedBuffer, BLOCK_SIZE, BlockCount, BlockHasher, Error, ReadAt, read_at};

/// What becomes of data that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is an error.
    Refuse,
    /// The leaves of its blocks are unknown: zeros, which no block has for its digest.
    Unknown,
}

/// Takes leaf blocks in order: whole blocks, the last one filled up with zeros.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Error>;

/// The leaves of one chunk, whole blocks.
struct LeafBlocks {
    bytes: Vec<u8>,
    blocks: usize,
}

impl LeafBlocks {
    fn new() -> Self {
        Self { bytes: vec![0; CHUNK_LEAF_BYTES], blocks: 0 }
    }

    fn blocks(&self) -> &[u8] {
        &self.bytes[..self.blocks * BLOCK_SIZE]
    }
}

/// The number of a chunk and what became of it.
type Delivery = (u64, Result<LeafBlocks, Error>);

/// Data that is to be hashed, as the threads share it.
pub(crate) struct Source<'a, D: ?Sized> {
    data: &'a D,
    hasher: &'a BlockHasher,
    unreadable: Unreadable,
    progress: &'a (dyn Fn(u64) + Sync),
    chunks: Chunks,
}

impl<'a, D: ReadAt + ?Sized> Source<'a, D> {
    pub(crate) fn new(
        data: &'a D,
        blocks: BlockCount,
        hasher: &'a BlockHasher,
        unreadable: Unreadable,
        progress: &'a (dyn Fn(u64) + Sync),
    ) -> Self {
        Self { data, hasher, unreadable, progress, chunks: Chunks::new(blocks) }
    }

    /// Hashes all data and gives the leaf blocks to `sink` in order.
    pub(crate) fn hash_into(&self, threads: NonZeroUsize, sink: Sink<'_>) -> Result<(), Error> {
        let (give_back, spare) = channel();
        let spare = Mutex::new(spare);
        let (deliver, delivered) = channel();
        for _ in 0..threads.get() * 2 {
            let _ = give_back.send(LeafBlocks::new()); // the receiver is in this function
        }
        thread::scope(|scope| {
            for started in 0..threads.get() {
                let deliver = deliver.clone();
                let spare = &spare;
                let thread = thread::Builder::new();
                match thread.spawn_scoped(scope, move || self.work(spare, deliver)) {
                    Ok(_) => {}
                    Err(error) if started == 0 => return Err(Error::Thread(error)),
                    // Fewer do as well, more slowly.
                    Err(_) => break,
                }
            }
            drop(deliver);
            let outcome = in_order(sink, &delivered, &give_back, self.chunks.count());
            self.chunks.close();
            drop(give_back); // a thread that waits for a buffer wakes up and ends
            outcome
        })
    }

    /// One thread's work: chunks, until there are none or nobody wants their leaves.
    fn work(&self, spare: &Mutex<Receiver<LeafBlocks>>, deliver: Sender<Delivery>) {
        let mut buffer = AlignedBuffer::new(READ_BYTES);
        loop {
            let Ok(taken) = spare.lock().map(|spare| spare.recv()) else { return };
            let Ok(mut leaves) = taken else { return };
            let Some(chunk) = self.chunks.take() else { return };
            let outcome = self.hash(&chunk, &mut buffer, &mut leaves).map(|()| leaves);
            if deliver.send((chunk.number, outcome)).is_err() {
                return;
            }
        }
    }

    /// Reads the data of one chunk and fills `leaves` with its digests.
    fn hash(&self, chunk: &Chunk, buffer: &mut [u8], leaves: &mut LeafBlocks) -> Result<(), Error> {
        leaves.bytes.fill(0);
        leaves.blocks = 0;
        for (leaf, block) in chunk.leaves.clone().zip(leaves.bytes.chunks_exact_mut(BLOCK_SIZE)) {
            let data = chunk.data_of(leaf);
            let outcome = self.digest(&data, buffer, block);
            if outcome.is_err() && self.unreadable == Unreadable::Unknown {
                self.digest_one_by_one(&data, buffer, block);
            } else {
                outcome?;
            }
            leaves.blocks += 1;
            (self.progress)((data.end - data.start) * BLOCK_BYTES);
        }
        Ok(())
    }

    /// Reads data blocks and puts their digests to the start of `digests`.
    fn digest(
        &self,
        blocks: &Range<u64>,
        buffer: &mut [u8],
        digests: &mut [u8],
    ) -> Result<(), Error> {
        let data = read_at::data_blocks(self.data, blocks, buffer)?;
        let data = data.chunks_exact(BLOCK_SIZE);
        for (digest, data) in digests.chunks_exact_mut(DIGEST_SIZE).zip(data) {
            digest.copy_from_slice(&self.hasher.digest(data));
        }
        Ok(())
    }

    /// The same block by block, leaving out those that cannot be read.
    fn digest_one_by_one(&self, blocks: &Range<u64>, buffer: &mut [u8], digests: &mut [u8]) {
        for (block, digest) in blocks.clone().zip(digests.chunks_exact_mut(DIGEST_SIZE)) {
            let _ = self.digest(&(block..block + 1), buffer, digest); // its leaf stays zero
        }
    }
}

/// Gives `count` chunks to `sink` in order, and their buffers back.
fn in_order(
    sink: Sink<'_>,
    delivered: &Receiver<Delivery>,
    give_back: &Sender<LeafBlocks>,
    count: u64,
) -> Result<(), Error> {
    let mut early = BTreeMap::new();
    for number in 0..count {
        while !early.contains_key(&number) {
            let (number, outcome) = delivered.recv().expect("a thread ends when all is taken");
            early.insert(number, outcome);
        }
        let leaves = early.remove(&number).expect("was waited for")?;
        sink(leaves.blocks())?;
        let _ = give_back.send(leaves); // nobody may be left to need it
    }
    Ok(())
}

// The tree's parts and the reader's pieces must agree.
const _: () = assert!(READ_BYTES / BLOCK_SIZE == BLOCK_SIZE / DIGEST_SIZE);
