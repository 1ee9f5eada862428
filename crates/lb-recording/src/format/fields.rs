//! Where the user says what is found.

use crate::names::{Field, NAMES, field_named};
use std::str::FromStr;

/// Where JSON objects or columns hold what: `time=ts,method=verb,path=req.uri`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMap(Vec<(Field, String)>);

impl FieldMap {
    /// Returns the meaning of a column or of a key; keys within keys are joined by dots.
    pub(crate) fn field(&self, name: &str) -> Option<Field> {
        self.0.iter().find(|(_, known)| known == name).map(|(field, _)| *field)
    }

    /// Returns the meanings with the places that hold them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Field, &str)> {
        self.0.iter().map(|(field, name)| (*field, name.as_str()))
    }
}

impl FromStr for FieldMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fields = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, place) = pair.split_once('=').ok_or_else(|| {
                format!("`{pair}` must be a field and where it is found, such as `time=ts`")
            })?;
            let field = field_named(name.trim()).ok_or_else(|| {
                format!("`{}` is not a field of a request; the fields are {NAMES}", name.trim())
            })?;
            if place.trim().is_empty() {
                return Err(format!(
                    "`{pair}` does not say where the field is found; use `{}=KEY`",
                    name.trim()
                ));
            }
            fields.push((field, place.trim().to_owned()));
        }
        match fields.is_empty() {
            true => {
                Err(format!("`{text}` names no field; use a list such as `time=ts,method=verb,path=uri`"))
            }
            false => Ok(Self(fields)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_names_fields_and_places() {
        let map: FieldMap = "time=ts, path=req.uri".parse().expect("a map");
        assert_eq!(map.field("ts"), Some(Field::Time));
        assert_eq!(map.field("req.uri"), Some(Field::Url));
        for (text, reason) in [
            ("when=ts", "`when` is not a field"),
            ("time", "must be a field and where"),
            ("", "names no field"),
            ("time=", "does not say where"),
        ] {
            let error = text.parse::<FieldMap>().expect_err(text);
            assert!(error.contains(reason), "{error}");
        }
    }
}
