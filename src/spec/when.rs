//! Guards.

use super::schema::api_object;

api_object! {
    /// One condition of a guard; all of them must hold.
    WhenExpression = "WhenExpression" {
        input: String = "input", Honoured;
        operator: String = "operator", Honoured;
        values: Vec<String> = "values", Honoured;
        cel: String = "cel", Honoured;
    }
}

impl WhenExpression {
    /// Every text in it that takes references.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let alone = [&self.input, &self.cel];
        alone.into_iter().chain(&self.values).map(String::as_str)
    }
}
