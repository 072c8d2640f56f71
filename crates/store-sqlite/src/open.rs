//! Opening a file: what it must be, and why it may be refused. Refusing changes nothing.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::lock::Lock;
use crate::migration::{self, APPLICATION_ID, SCHEMA_VERSION};
use crate::options::Options;

mod error;

pub use error::OpenError;

/// What the first 100 bytes of a SQLite file say, see <https://sqlite.org/fileformat2.html>.
struct Header {
    version: u32,
    application: u32,
    pages: u32,
}

/// Reads the header without SQLite, which would make files beside it; none for a fresh file.
fn header(path: &Path) -> Result<Option<Header>, OpenError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(path, error)),
    };
    let io = |error| OpenError::io(path, error);
    let length = file.metadata().map_err(io)?.len();
    if length == 0 || half_made(path) {
        return Ok(None);
    }
    let damaged = |reason: &str| OpenError::Damaged {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let mut bytes = [0; 100];
    match file.read_exact(&mut bytes) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(damaged("it is shorter than a database's header"));
        }
        Err(error) => return Err(io(error)),
    }
    if &bytes[..16] != b"SQLite format 3\0" {
        return Err(damaged("it does not begin like a SQLite database"));
    }
    let number =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let page_size = match u16::from_be_bytes([bytes[16], bytes[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    // The count of pages holds where the two change counters agree. A crash while the write-ahead log
    // was copied leaves the file short as well, and the log with all that is missing: SQLite knows.
    let short = number(24) == number(92) && u64::from(number(28)) * page_size > length;
    if short && !logged(path) {
        return Err(damaged("it is shorter than its header says"));
    }
    Ok(Some(Header {
        version: number(60),
        application: number(68),
        pages: number(28),
    }))
}

fn judge(path: &Path, header: &Header) -> Result<(), OpenError> {
    if header.application != APPLICATION_ID {
        return Err(OpenError::Foreign {
            path: path.to_owned(),
        });
    }
    if header.version > SCHEMA_VERSION {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: header.version,
            known: SCHEMA_VERSION,
        });
    }
    Ok(())
}

/// Judges a file by its header alone, as far as that can be: the write-ahead log, where there is
/// one, may hold a later header, as it does from a store's first moments until its first checkpoint.
/// One empty page is what a crash before the first commit leaves.
fn judge_alone(path: &Path, header: &Header) -> Result<(), OpenError> {
    if header.application == 0 && (logged(path) || header.pages <= 1) {
        return Ok(());
    }
    judge(path, header)
}

/// Whether there is a write-ahead log with something in it.
fn logged(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Whether a crash came while SQLite wrote the very first page: what is in the file then makes no sense,
/// and its rollback journal says that the file was empty before. SQLite empties it again.
fn half_made(path: &Path) -> bool {
    let mut header = [0; 20];
    let mut journal = match File::open(beside(path, "-journal")) {
        Ok(journal) => journal,
        // None mostly. One that can't be read is SQLite's to complain about.
        Err(_) => return false,
    };
    journal.read_exact(&mut header).is_ok()
        && header.starts_with(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
        && header.ends_with(&0u32.to_be_bytes())
}

/// Lets SQLite empty a file that is half made. That takes a connection of its own: one reads settings
/// from the first page before it empties the file, and would keep to them.
fn roll_back(path: &Path) -> Result<(), OpenError> {
    let sql = |error| OpenError::sql(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(sql)?;
    connection.close().map_err(|(_, error)| sql(error))
}

/// A file that is open for writing, with its lock.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) lock: Lock,
    /// The version that it had; 0 for a fresh file.
    pub(crate) from: u32,
}

/// A file that SQLite keeps beside the store's.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut file = path.as_os_str().to_owned();
    file.push(ending);
    file.into()
}

/// Opens, or makes, a file for its one writer, and brings its schema up to date.
pub(crate) fn for_writing(path: &Path, options: &Options) -> Result<Opened, OpenError> {
    let opened = for_a_move(path, options)?;
    must_be_finished(path, &opened.connection)?;
    Ok(opened)
}

/// Whether a move into this store was not finished.
pub(crate) fn unfinished(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'moving')";
    connection.query_row(sql, [], |row| row.get(0))
}

fn must_be_finished(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    match unfinished(connection) {
        Ok(false) => Ok(()),
        Ok(true) => Err(OpenError::Unfinished {
            path: path.to_owned(),
        }),
        Err(error) => Err(OpenError::sql(path, error)),
    }
}

/// The schema version of what is in a file; none where nothing is. The file is as it was.
pub(crate) fn version(path: &Path) -> Result<Option<u32>, OpenError> {
    match header(path)? {
        None => return Ok(None),
        Some(header) => judge_alone(path, &header)?,
    }
    let found = look_inside(path, &read_only(path)?)?;
    Ok((found > 0).then_some(found))
}

/// The same for a file that a move may have left unfinished.
pub(crate) fn for_a_move(path: &Path, options: &Options) -> Result<Opened, OpenError> {
    // What can be refused without any trace is refused first.
    let fresh = match header(path)? {
        Some(header) => judge_alone(path, &header).map(|()| false)?,
        None => true,
    };
    if fresh {
        make_folder(path)?;
    }
    let lock = Lock::take(path)?;
    if half_made(path) {
        roll_back(path)?;
    }
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    );
    let sql = |error| OpenError::sql(path, error);
    let mut connection = connection.map_err(sql)?;
    let from = if fresh {
        0
    } else {
        look_inside(path, &connection)?
    };
    if connection.is_readonly("main").map_err(sql)? {
        return Err(OpenError::NotWritable {
            path: path.to_owned(),
            source: "the file is write-protected".into(),
        });
    }
    configure_writer(&connection, options).map_err(sql)?;
    if from < SCHEMA_VERSION {
        migration::apply(&mut connection, from).map_err(sql)?;
        // From here on the header says what the file is, without its log.
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(sql)?;
    }
    if fresh {
        sync_folder(path).map_err(|error| OpenError::io(path, error))?;
    }
    Ok(Opened {
        connection,
        lock,
        from,
    })
}

/// Opens a file for writing beside the process that holds its lock: of this very version, and
/// without the lock.
pub(crate) fn for_writing_beside(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    must_be_a_store(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sql = |error| OpenError::sql(path, error);
    let connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    let found = look_inside(path, &connection)?;
    if found != SCHEMA_VERSION {
        return Err(OpenError::Io {
            path: path.to_owned(),
            source: format!(
                "its schema version is {found}, and this release writes {SCHEMA_VERSION}"
            )
            .into(),
        });
    }
    must_be_finished(path, &connection)?;
    configure_writer(&connection, options).map_err(sql)?;
    Ok(connection)
}

/// Asks SQLite what the file holds, the write-ahead log included, which the header does not show.
pub(crate) fn look_inside(path: &Path, connection: &Connection) -> Result<u32, OpenError> {
    let sql = |error| OpenError::sql(path, error);
    // Closing would copy a log that is left from a crash into a file that is then refused.
    let keep_log = |on| connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on);
    if logged(path) {
        keep_log(true).map_err(sql)?;
    }
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get(0));
    // Reading the schema shows most damage that there can be at the start of the file.
    let things: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sql)?;
    let found = Header {
        version: number("user_version").map_err(sql)?,
        application: number("application_id").map_err(sql)?,
        pages: number("page_count").map_err(sql)?,
    };
    if things > 0 || found.application != 0 {
        judge(path, &found)?;
    }
    keep_log(false).map_err(sql)?;
    Ok(found.version)
}

fn configure_writer(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    connection.busy_timeout(options.busy_time)?;
    // Counts for a fresh file only. Measured: about the work of 4 KiB pages, with a third fewer of them
    // in the log, and payloads of up to 8 KiB in one place.
    connection.pragma_update(None, "page_size", 8_192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = if options.synchronous_off_for_test_purposes_only {
        "OFF"
    } else {
        "FULL"
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // The writer copies the log itself, after it has answered those who wait.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    let log_limit = i64::try_from(options.checkpoint_bytes.saturating_mul(2)).unwrap_or(i64::MAX);
    connection.pragma_update(None, "journal_size_limit", log_limit)?;
    if let Some(pages) = options.page_limit_for_test_purposes_only {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    configure_both(connection, options.writer_cache)
}

fn configure_both(connection: &Connection, cache: usize) -> rusqlite::Result<()> {
    // A negative size counts in KiB.
    let kib = i64::try_from(cache / 1_024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -kib)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// Opens a file that a writer has open for reading beside it.
pub(crate) fn for_reading(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let connection = read_only(path)?;
    let sql = |error| OpenError::sql(path, error);
    connection.busy_timeout(options.busy_time).map_err(sql)?;
    configure_both(&connection, options.reader_cache).map_err(sql)?;
    Ok(connection)
}

pub(crate) fn read_only(path: &Path) -> Result<Connection, OpenError> {
    Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| OpenError::sql(path, error))
}

/// Refuses what is no store of a version that this binary knows, without changing anything.
pub(crate) fn must_be_a_store(path: &Path) -> Result<(), OpenError> {
    match header(path)? {
        Some(header) => judge_alone(path, &header),
        None => Err(OpenError::Io {
            path: path.to_owned(),
            source: "there is no store".into(),
        }),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn make_folder(path: &Path) -> Result<(), OpenError> {
    let folder = folder(path);
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|error| OpenError::io(folder, error))?;
    sync_folder(folder).map_err(|error| OpenError::io(folder, error))
}

/// Makes the entry of `path` in its folder durable.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(folder(path))?.sync_all()
}
