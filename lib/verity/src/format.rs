//! Making a tree.
//!
//! Threads take chunks in rising order, read and hash their data, and pass the leaves on; the calling
//! thread puts them in order and writes them. Buffers for leaves circulate, and a thread takes one before it
//! takes a chunk, so that memory is bounded and the chunk that is waited for always has its buffer.
//!
//! Order of writes: leaves, upper levels, superblock. A hash image without its superblock is not taken for a
//! whole one.

use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::block::bytes_in;
use crate::chunk::{CHUNK_LEAF_BYTES, Chunk, Chunks, READ_BYTES};
use crate::shape::DIGEST_SIZE;
use crate::{
    AlignedBuffer, BLOCK_SIZE, BlockCount, BlockHasher, Error, Level, Params, ReadAt, RootHash,
    Superblock, TreeShape, read_at,
};

/// A tree that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formatted {
    /// Stands for all data.
    pub root_hash: RootHash,
    /// Data blocks that the tree covers.
    pub data_blocks: u64,
    /// Length of the hash image in bytes.
    pub hash_len: u64,
}

/// Writes the hash image for the first `data_len` bytes of `data` to `out`, from its start.
///
/// `progress` is called with the number of bytes that were hashed since its last call. `out` is not cut: what
/// it holds after the hash image stays.
///
/// # Errors
///
/// Fails when `data_len` is zero or no multiple of [`BLOCK_SIZE`], and when reading or writing fails.
pub fn format<D: ReadAt + ?Sized, W: Write + Seek + ?Sized>(
    data: &D,
    data_len: u64,
    params: &Params,
    out: &mut W,
    threads: NonZeroUsize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Formatted, Error> {
    let data_blocks = BlockCount::of_bytes(data_len)?;
    let hasher = BlockHasher::new(&params.salt);
    let source = Source { data, hasher: &hasher, progress, chunks: Chunks::new(data_blocks) };
    let mut tree = TreeWriter::new(out, TreeShape::of(data_blocks), &hasher);
    source.hash_into(&mut tree, threads)?;
    tree.finish(&Superblock { params: params.clone(), data_blocks })
}

/// The leaves of one chunk, whole blocks.
struct Leaves {
    bytes: Vec<u8>,
    blocks: usize,
}

impl Leaves {
    fn new() -> Self {
        Self { bytes: vec![0; CHUNK_LEAF_BYTES], blocks: 0 }
    }

    fn blocks(&self) -> &[u8] {
        &self.bytes[..self.blocks * BLOCK_SIZE]
    }
}

/// The number of a chunk and what became of it.
type Delivery = (u64, Result<Leaves, Error>);

/// What the threads share.
struct Source<'a, D: ?Sized> {
    data: &'a D,
    hasher: &'a BlockHasher,
    progress: &'a (dyn Fn(u64) + Sync),
    chunks: Chunks,
}

impl<D: ReadAt + ?Sized> Source<'_, D> {
    /// Hashes all data and appends the leaves to `tree` in order.
    fn hash_into<W: Write + Seek + ?Sized>(
        &self,
        tree: &mut TreeWriter<'_, W>,
        threads: NonZeroUsize,
    ) -> Result<(), Error> {
        let (give_back, spare) = channel();
        let spare = Mutex::new(spare);
        let (deliver, delivered) = channel();
        for _ in 0..threads.get() * 2 {
            let _ = give_back.send(Leaves::new()); // the receiver is in this function
        }
        thread::scope(|scope| {
            for _ in 0..threads.get() {
                let deliver = deliver.clone();
                scope.spawn(|| self.work(&spare, deliver));
            }
            drop(deliver);
            let outcome = append_in_order(tree, &delivered, &give_back, self.chunks.count());
            self.chunks.close();
            drop(give_back); // a thread that waits for a buffer wakes up and ends
            outcome
        })
    }

    /// One thread's work: chunks, until there are none or nobody wants their leaves.
    fn work(&self, spare: &Mutex<Receiver<Leaves>>, deliver: Sender<Delivery>) {
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
    fn hash(&self, chunk: &Chunk, buffer: &mut [u8], leaves: &mut Leaves) -> Result<(), Error> {
        leaves.bytes.fill(0);
        leaves.blocks = 0;
        for (leaf, block) in chunk.leaves.clone().zip(leaves.bytes.chunks_exact_mut(BLOCK_SIZE)) {
            let data = read_at::data_blocks(self.data, &chunk.data_of(leaf), buffer)?;
            for (digest, data) in
                block.chunks_exact_mut(DIGEST_SIZE).zip(data.chunks_exact(BLOCK_SIZE))
            {
                digest.copy_from_slice(&self.hasher.digest(data));
            }
            leaves.blocks += 1;
            (self.progress)(bytes_in(data));
        }
        Ok(())
    }
}

/// Appends `count` chunks to `tree` in order, and gives their buffers back.
fn append_in_order<W: Write + Seek + ?Sized>(
    tree: &mut TreeWriter<'_, W>,
    delivered: &Receiver<Delivery>,
    give_back: &Sender<Leaves>,
    count: u64,
) -> Result<(), Error> {
    tree.start()?;
    let mut early = BTreeMap::new();
    for number in 0..count {
        while !early.contains_key(&number) {
            let (number, outcome) = delivered.recv().expect("a thread ends when all is taken");
            early.insert(number, outcome);
        }
        let leaves = early.remove(&number).expect("was waited for")?;
        tree.append(&leaves)?;
        let _ = give_back.send(leaves); // nobody may be left to need it
    }
    Ok(())
}

/// Writes the levels of a tree to their places.
struct TreeWriter<'a, W: ?Sized> {
    out: &'a mut W,
    shape: TreeShape,
    hasher: &'a BlockHasher,
    /// Digests of the leaf blocks so far; of the only data block if there is no level.
    above: Vec<u8>,
}

impl<'a, W: Write + Seek + ?Sized> TreeWriter<'a, W> {
    fn new(out: &'a mut W, shape: TreeShape, hasher: &'a BlockHasher) -> Self {
        Self { out, shape, hasher, above: Vec::new() }
    }

    fn start(&mut self) -> Result<(), Error> {
        let leaves = self.shape.levels().first().map_or(0, Level::position);
        self.out.seek(SeekFrom::Start(leaves)).map(drop).map_err(Error::WriteHash)
    }

    fn append(&mut self, leaves: &Leaves) -> Result<(), Error> {
        if self.shape.levels().is_empty() {
            self.above.extend_from_slice(&leaves.blocks()[..DIGEST_SIZE]);
            return Ok(());
        }
        self.above.extend(digests(self.hasher, leaves.blocks()));
        self.out.write_all(leaves.blocks()).map_err(Error::WriteHash)
    }

    fn finish(mut self, superblock: &Superblock) -> Result<Formatted, Error> {
        for index in 1..self.shape.levels().len() {
            let position = self.shape.levels()[index].position();
            self.above.resize(self.above.len().next_multiple_of(BLOCK_SIZE), 0);
            write_at(self.out, position, &self.above)?;
            self.above = digests(self.hasher, &self.above).collect();
        }
        let mut first = superblock.to_bytes().to_vec();
        first.resize(BLOCK_SIZE, 0);
        write_at(self.out, 0, &first)?;
        self.out.flush().map_err(Error::WriteHash)?;
        let root_hash = self.above.try_into().expect("the top level is one block");
        Ok(Formatted {
            root_hash: RootHash(root_hash),
            data_blocks: superblock.data_blocks.blocks(),
            hash_len: self.shape.hash_len(),
        })
    }
}

fn digests(hasher: &BlockHasher, blocks: &[u8]) -> impl Iterator<Item = u8> {
    blocks.chunks_exact(BLOCK_SIZE).flat_map(|block| hasher.digest(block))
}

fn write_at<W: Write + Seek + ?Sized>(
    out: &mut W,
    position: u64,
    bytes: &[u8],
) -> Result<(), Error> {
    out.seek(SeekFrom::Start(position)).map_err(Error::WriteHash)?;
    out.write_all(bytes).map_err(Error::WriteHash)
}

// The tree's parts and the reader's pieces must agree.
const _: () = assert!(READ_BYTES / BLOCK_SIZE == BLOCK_SIZE / DIGEST_SIZE);
