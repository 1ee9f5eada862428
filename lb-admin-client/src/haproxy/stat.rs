//! The table of `show stat`: CSV, read by the names of its columns.

use std::collections::HashMap;

/// The counters of HAProxy, with one row for each frontend, server and backend.
#[derive(Debug)]
pub(super) struct Table {
    columns: HashMap<String, usize>,
    rows: Vec<Vec<String>>,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    table: &'a Table,
    fields: &'a [String],
}

impl Table {
    /// Parses the table; `None` if the text is something else. The fields in use are never quoted.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let names = lines.next()?.strip_prefix("# ")?;
        let columns: HashMap<String, usize> =
            names.split(',').enumerate().map(|(place, name)| (name.to_owned(), place)).collect();
        let known = ["pxname", "svname", "scur", "status"].iter().all(|name| columns.contains_key(*name));
        let rows = lines.take_while(|line| !line.is_empty());
        let rows = rows.map(|line| line.split(',').map(str::to_owned).collect()).collect();
        known.then_some(Self { columns, rows })
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|fields| Row { table: self, fields })
    }

    /// Lists the rows of the `backend`s.
    pub(super) fn backends(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows().filter(|row| row.server() == "BACKEND")
    }

    /// Lists the rows of the servers of all `backend`s.
    pub(super) fn servers(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows().filter(|row| !["BACKEND", "FRONTEND"].contains(&row.server()))
    }
}

impl<'a> Row<'a> {
    /// Returns a field as text; empty if it does not apply or this version lacks it.
    pub(super) fn text(&self, column: &str) -> &'a str {
        let place = self.table.columns.get(column);
        place.and_then(|place| self.fields.get(*place)).map_or("", String::as_str)
    }

    pub(super) fn proxy(&self) -> &'a str {
        self.text("pxname")
    }

    pub(super) fn server(&self) -> &'a str {
        self.text("svname")
    }

    /// Returns a field as a number; zero if it does not apply.
    pub(super) fn count(&self, column: &str) -> u64 {
        self.text(column).parse().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of HAProxy 2.6 with most columns removed: one of the rest is called `-`, and lines end with
    /// a comma.
    const STAT: &str = "\
# pxname,svname,qcur,scur,smax,stot,status,weight,hrsp_5xx,req_tot,rtime,algo,-,uweight,
bench,FRONTEND,,1,6,6,OPEN,,0,6,,,,,
main.random,s1,0,2,3,40,UP,100,1,38,12,,,100,
main.random,BACKEND,0,2,3,40,UP,100,1,38,12,unknown,,100,

";

    #[test]
    fn rows_are_read_by_name() {
        let table = Table::parse(STAT).expect("it is a table");
        let servers: Vec<_> = table.servers().collect();
        assert_eq!(servers.len(), 1, "frontends and backends are no servers");
        let row = servers[0];
        assert_eq!((row.proxy(), row.server(), row.text("status")), ("main.random", "s1", "UP"));
        assert_eq!((row.count("scur"), row.count("stot"), row.count("rtime")), (2, 40, 12));
        assert_eq!(row.count("ttime"), 0, "a column that this version lacks");
        assert_eq!(table.backends().next().map(|row| row.text("algo")), Some("unknown"));
    }

    #[test]
    fn other_answers_are_no_table() {
        for other in ["", "Unknown command.\n", "# name,value\na,1\n"] {
            assert!(Table::parse(other).is_none(), "`{other}`");
        }
    }
}
