//! What only a file can do.

use crate::runs::Night;
use crate::{Place, Test};
use lb_history::{Access, History, HistoryUrl, RunFilter};
use std::time::Duration;

pub(crate) const TESTS: [Test; 3] = [
    ("a_file_that_is_not_there_is_not_made_by_looking", missing),
    ("a_file_that_is_no_history_is_left_alone", other),
    ("the_tables_of_others_stay", shared),
];

fn open(path: &str, access: Access) -> Result<History, String> {
    let url: HistoryUrl = format!("sqlite:{path}").parse().expect("a URL");
    History::open(&url, access, Duration::from_secs(10)).map_err(|error| error.to_string())
}

fn missing(place: &Place) {
    let path = place.path("deep/er/history.db");
    let name = path.display().to_string();
    let error = open(&name, Access::Existing).expect_err("there is none");
    let expected = format!(
        "there is no history at `sqlite:{name}`; `bench-history import DIR --history sqlite:{name}` makes one"
    );
    assert_eq!(error, expected);
    assert!(!path.exists());
    open(&name, Access::Create).expect("its folders are made as well");
    assert!(path.exists());
}

fn other(place: &Place) {
    let path = place.path("notes.txt");
    let text = "shopping list\n".repeat(100);
    std::fs::write(&path, &text).expect("a file");
    let error = open(&path.display().to_string(), Access::Create).expect_err("it is a text");
    assert!(error.contains("notes.txt` is not a database; give another path"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).ok(), Some(text), "nothing was written");
    let folder = place.path("folder");
    std::fs::create_dir(&folder).expect("a folder");
    let error = open(&folder.display().to_string(), Access::Create).expect_err("it is a folder");
    assert!(error.contains("unable to open database file"), "{error}");
}

fn shared(place: &Place) {
    place.sql("CREATE TABLE runs (mine TEXT); INSERT INTO runs VALUES ('kept')");
    let mut history = place.open();
    place.record(&mut history, &Night::new(1));
    assert_eq!(history.runs(&RunFilter::default()).expect("runs").len(), 1);
    place.sql("UPDATE runs SET mine = 'still there'");
}
