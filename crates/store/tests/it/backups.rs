//! Copies that are made in use, checked, and put back; databases of other versions.

use std::{fs, thread};

use baton_model::Priority;
use baton_store::{Error, Store, Synchronous, Tx, backup, directive};

use crate::{House, row};

#[tokio::test]
async fn a_copy_made_while_others_write_is_whole_and_can_be_put_back() {
    let house = House::new();
    for n in 0..50 {
        house.insert(row(&format!("before {n}"), Priority::Medium, n)).await;
    }
    let (from, to) = (house.path.clone(), house.path.with_extension("copy"));
    let copying = thread::spawn({
        let to = to.clone();
        move || backup::backup(&from, &to).unwrap()
    });
    for n in 0..200 {
        house.insert(row(&format!("during {n}"), Priority::Medium, n)).await;
    }
    let sound = copying.join().unwrap();
    assert!((50..=250).contains(&sound.directives), "{sound:?}");
    assert_eq!(sound.directives, sound.events, "each directive was written with its event");
    assert_eq!(backup::verify(&to).unwrap(), sound);
    assert!(matches!(backup::backup(&house.path, &to), Err(Error::File { .. })), "nothing is overwritten");

    house.store.close();
    let aside = house.path.with_extension("aside");
    backup::restore(&to, &house.path, &aside).unwrap();
    assert_eq!(backup::verify(&aside).unwrap().directives, 250, "what stood there is kept");
    let again = Store::open(&house.path, Synchronous::Full, Box::new(|_| ())).unwrap();
    let counted = again.read(async move |tx: &mut Tx<'_>| directive::counts(tx, None).await).await.unwrap();
    assert_eq!(counted.pending, sound.directives);
}

#[tokio::test]
async fn what_is_no_sound_copy_is_refused_and_nothing_is_touched() {
    let house = House::new();
    house.insert(row("a", Priority::Low, 1)).await;
    let copy = house.path.with_extension("copy");
    backup::backup(&house.path, &copy).unwrap();
    house.store.close();
    let torn = house.path.with_extension("torn");
    let mut bytes = fs::read(&copy).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    fs::write(&torn, &bytes).unwrap();
    fs::write(house.path.with_extension("text"), "not a database").unwrap();
    for bad in ["torn", "text", "missing"] {
        let bad = house.path.with_extension(bad);
        assert!(backup::verify(&bad).is_err(), "{}", bad.display());
        assert!(backup::restore(&bad, &house.path, &house.path.with_extension("aside")).is_err());
    }
    assert_eq!(backup::verify(&house.path).unwrap().directives, 1);
}

#[tokio::test]
async fn a_database_of_a_newer_baton_is_refused_unless_it_may_be_shared() {
    let house = House::new();
    let set = |sql: &'static str| house.store.write(async move |tx: &mut Tx<'_>| tx.execute(sql, &[]).await);
    set("update schema_info set version = 99").await.unwrap();
    let beside = Store::open(&house.path, Synchronous::Full, Box::new(|_| ()));
    assert!(beside.is_ok(), "a newer one that says older ones may still run");
    set("update schema_info set oldest = 98").await.unwrap();
    let refused = Store::open(&house.path, Synchronous::Full, Box::new(|_| ()));
    assert!(matches!(refused, Err(Error::TooNew { found: 99, oldest: 98, .. })));
}

#[tokio::test]
async fn strangers_files_and_the_copy_itself_are_left_alone() {
    let house = House::new();
    house.insert(row("a", Priority::Low, 1)).await;
    let (copy, note) = (house.path.with_extension("copy"), house.path.with_extension("part"));
    fs::write(&note, "somebody's").unwrap();
    backup::backup(&house.path, &copy).unwrap();
    assert_eq!(fs::read_to_string(&note).unwrap(), "somebody's");
    fs::rename(&copy, &note).unwrap();
    house.store.close();
    let aside = house.path.with_extension("aside");
    backup::restore(&note, &house.path, &aside).unwrap();
    assert_eq!(backup::verify(&note).unwrap().directives, 1, "the copy is still there, under whatever name");
    assert!(backup::restore(&house.path, &house.path, &aside).is_err(), "a database is no copy of itself");
    assert_eq!(backup::verify(&house.path).unwrap().directives, 1);
    let left: Vec<_> =
        fs::read_dir(house.path.parent().unwrap()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[tokio::test]
async fn what_still_stands_in_the_log_is_part_of_a_copy() {
    let house = House::new();
    for n in 0..50 {
        house.insert(row(&format!("{n}"), Priority::Low, n)).await;
    }
    // As a crash leaves it: the files are copied while the log has not been folded in.
    let crashed = house.path.with_extension("crashed");
    fs::copy(&house.path, &crashed).unwrap();
    fs::copy(house.path.with_extension("db-wal"), house.path.with_extension("crashed-wal")).unwrap();
    let new = house.path.with_extension("new");
    let sound = backup::restore(&crashed, &new, &house.path.with_extension("aside")).unwrap();
    assert_eq!((sound.directives, backup::verify(&new).unwrap().directives), (50, 50));
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("theirs.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("create table t (x)").unwrap();
    let refused = Store::open(&path, Synchronous::Full, Box::new(|_| ())).map(drop);
    assert!(refused.unwrap_err().to_string().contains("another program"));
    assert_eq!(tables(&path), ["t"]);
}

fn tables(path: &std::path::Path) -> Vec<String> {
    let conn = rusqlite::Connection::open(path).unwrap();
    let mut statement = conn.prepare("select name from sqlite_master where type = 'table' order by 1").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
