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
