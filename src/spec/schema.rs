//! The shape of the API, as data.
//!
//! The macro `api_object` defines a serde struct and, from the same lines, the [`ObjectSchema`] that the
//! reader checks documents against and the compatibility table is printed from. A field cannot be
//! in one and not in the other.

use std::collections::BTreeMap;

/// What this runner does with a field of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Means here what it means on a cluster.
    Honoured,
    /// Has an effect by other means; the text says how.
    Emulated(&'static str),
    /// Accepted without effect; the text says why that is harmless here.
    NoEffect(&'static str),
    /// Using it stops the run before it starts; the text says why and what to do.
    Refused(&'static str),
}

/// One field of an [`ObjectSchema`].
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The name in YAML.
    pub name: &'static str,
    /// The shape of its value.
    pub schema: fn() -> Schema,
    /// What it does here.
    pub support: Support,
}

/// A named object of the API and its fields.
#[derive(Debug)]
pub struct ObjectSchema {
    /// The Go type's name, without its package.
    pub name: &'static str,
    /// Every field Tekton's type has.
    pub fields: &'static [Field],
}

impl ObjectSchema {
    /// Finds a field by its name in YAML.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Finds a field as Go's decoder does where the exact name is not there: whatever its case.
    pub fn field_in_other_case(&self, name: &str) -> Option<&Field> {
        let mut fields = self.fields.iter();
        fields.find(|field| field.name.eq_ignore_ascii_case(name))
    }
}

/// The shape of a value.
#[derive(Debug, Clone)]
pub enum Schema {
    /// Text.
    String,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A Go duration such as `1h30m`, written as text.
    Duration,
    /// A number or text: a quantity such as `100m`, or a port by number or name.
    IntOrString,
    /// A string, a list of strings or a map of strings; anything else becomes its JSON text.
    ParamValue,
    /// Free-form.
    Any,
    /// A list.
    List(Box<Self>),
    /// A map with free keys.
    Map(Box<Self>),
    /// An object with fixed fields.
    Object(&'static ObjectSchema),
}

/// A Rust type that stands for a value of the API.
pub trait ApiType {
    /// The shape it is read from.
    fn schema() -> Schema;
}

macro_rules! scalar {
    ($($type:ty => $schema:ident),* $(,)?) => {
        $(impl ApiType for $type {
            fn schema() -> Schema { Schema::$schema }
        })*
    };
}

scalar! {
    String => String,
    bool => Bool,
    i64 => Integer,
    serde_json::Value => Any,
}

impl<T: ApiType> ApiType for Vec<T> {
    fn schema() -> Schema {
        Schema::List(Box::new(T::schema()))
    }
}

impl<T: ApiType> ApiType for Option<T> {
    fn schema() -> Schema {
        T::schema()
    }
}

impl<T: ApiType> ApiType for Box<T> {
    fn schema() -> Schema {
        T::schema()
    }
}

impl<T: ApiType> ApiType for BTreeMap<String, T> {
    fn schema() -> Schema {
        Schema::Map(Box::new(T::schema()))
    }
}

/// True for a value that Go would leave out of the JSON (`omitempty`).
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Defines API objects: `field: Type = "yamlName", Support;`.
macro_rules! api_object {
    ($(
        $(#[$meta:meta])*
        $name:ident = $go:literal {
            $($(#[$field_meta:meta])* $field:ident: $type:ty = $yaml:literal, $support:ident $(($why:expr))?;)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                #[doc = concat!("`", $yaml, "`.")]
                $(#[$field_meta])*
                #[serde(rename = $yaml, skip_serializing_if = "super::schema::is_default")]
                pub $field: $type,
            )*
        }

        impl $name {
            /// The fields of this object, and what each does here.
            pub const SCHEMA: &'static $crate::spec::schema::ObjectSchema =
                &$crate::spec::schema::ObjectSchema {
                    name: $go,
                    fields: &[$($crate::spec::schema::Field {
                        name: $yaml,
                        schema: <$type as $crate::spec::schema::ApiType>::schema,
                        support: $crate::spec::schema::Support::$support $(($why))?,
                    }),*],
                };
        }

        impl $crate::spec::schema::ApiType for $name {
            fn schema() -> $crate::spec::schema::Schema {
                $crate::spec::schema::Schema::Object(Self::SCHEMA)
            }
        }
    )*};
}
pub(crate) use api_object;
