//! Values that stand elsewhere: `env:NAME` and `file:PATH`.

use std::path::Path;

use serde_json::{Value, json};

/// Resolves what one value of the settings refers to.
pub struct Reference<'a> {
    /// The environment.
    pub surroundings: &'a [(String, String)],
    /// The directory that relative paths start from.
    pub beside: &'a Path,
}

impl Reference<'_> {
    /// What a text stands for that is a reference as a whole; `None` if it is none.
    ///
    /// # Errors
    /// When the variable is not set or the file cannot be read.
    pub fn whole(&self, written: &Value) -> Result<Option<String>, String> {
        written.as_str().map_or(Ok(None), |text| self.text(text))
    }

    /// A list with its references resolved.
    ///
    /// # Errors
    /// As for [`Self::whole`].
    pub fn each(&self, list: &Value) -> Result<Value, String> {
        let items = list.as_array().map_or(&[][..], Vec::as_slice).iter();
        let resolved = items.map(|item| Ok(self.whole(item)?.map_or_else(|| item.clone(), |text| json!(text))));
        resolved.collect()
    }

    fn text(&self, text: &str) -> Result<Option<String>, String> {
        if let Some(name) = text.strip_prefix("env:") {
            let found = self.surroundings.iter().find(|(known, _)| known == name);
            let value = found.ok_or_else(|| format!("the environment variable `{name}` is not set"))?;
            return Ok(Some(value.1.clone()));
        }
        if let Some(file) = text.strip_prefix("file:") {
            let file = self.beside.join(file);
            let read = std::fs::read_to_string(&file);
            let text = read.map_err(|error| format!("the file {} cannot be read: {error}", file.display()))?;
            return Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()));
        }
        Ok(None)
    }
}

/// Whether a list holds a reference.
pub fn is_among(value: &Value) -> bool {
    let is_reference =
        |item: &Value| item.as_str().is_some_and(|text| text.starts_with("env:") || text.starts_with("file:"));
    value.as_array().is_some_and(|items| items.iter().any(is_reference))
}
