//! Objects and arrays that say what to read of them; everything else in them is skipped without being built.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use super::Raw;

/// Makes a default of every value that is of no type the reader wants.
macro_rules! anything_else {
    () => {
        $crate::protocol::json::anything_else!(
            visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str)
        );
    };
    ($($visit:ident($type:ty)),+) => {
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any JSON value")
        }

        $(fn $visit<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })+

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}
pub(in crate::protocol) use anything_else;

/// Declares what to read of an object: each field with the names it goes by. What is no object reads as one without
/// members.
macro_rules! object {
    ($(#[$meta:meta])* struct $name:ident<'a> {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $key:literal $(| $other:literal)*,)*
    }) => {
        $(#[$meta])*
        #[derive(Default)]
        struct $name<'a> {
            $($(#[$field_meta])* $field: $type,)*
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use $crate::protocol::json::{Merge, Name};

                struct Reader<'a>(std::marker::PhantomData<&'a ()>);
                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Reader<'a> {
                    type Value = $name<'a>;

                    $crate::protocol::json::anything_else!();

                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                        while items.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                        Ok(Self::Value::default())
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut object = Self::Value::default();
                        while let Some(name) = map.next_key::<Name<'de>>()? {
                            match name.as_ref() {
                                $($key $(| $other)* => object.$field.merge(map.next_value()?),)*
                                _ => drop(map.next_value::<serde::de::IgnoredAny>()?),
                            }
                        }
                        Ok(object)
                    }
                }
                deserializer.deserialize_any(Reader(std::marker::PhantomData))
            }
        }

        impl $crate::protocol::json::Merge for $name<'_> {}
    };
}
pub(in crate::protocol) use object;

/// How a member that comes again goes together with what was there.
pub(in crate::protocol) trait Merge: Sized {
    /// The last one counts.
    fn merge(&mut self, new: Self) {
        *self = new;
    }
}

/// A member's name, borrowed where it has no escapes.
pub(in crate::protocol) enum Name<'de> {
    Borrowed(&'de str),
    Owned(String),
}

impl AsRef<str> for Name<'_> {
    fn as_ref(&self) -> &str {
        match self {
            Self::Borrowed(name) => name,
            Self::Owned(name) => name,
        }
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name::Borrowed(name))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name::Owned(name.to_owned()))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// How many items of an array are read: small ones take many times their length.
const MAX_ITEMS: usize = 1 << 16;

/// The items of an array; what is no array has none.
#[derive(Debug)]
pub(in crate::protocol) struct List<T> {
    pub(in crate::protocol) items: Vec<T>,
    /// Whether there was an array at all.
    pub(in crate::protocol) is_there: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), is_there: false }
    }
}

impl<T> Merge for List<T> {}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = List<T>;

            anything_else!();

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = array.next_element()? {
                    if items.len() == MAX_ITEMS {
                        return Err(serde::de::Error::custom("more items than any chat has"));
                    }
                    items.push(item);
                }
                Ok(List { items, is_there: true })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(List::default())
            }
        }
        deserializer.deserialize_any(Reader(std::marker::PhantomData))
    }
}

/// The first of several members that says anything.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::protocol) struct First<'a>(pub(in crate::protocol) Raw<'a>);

impl Merge for First<'_> {
    fn merge(&mut self, new: Self) {
        if !self.0.says_something() {
            *self = new;
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for First<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Raw::deserialize(deserializer).map(Self)
    }
}

/// Whether any of several members says something.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol) struct Any(pub(in crate::protocol) bool);

impl Merge for Any {
    fn merge(&mut self, new: Self) {
        self.0 |= new.0;
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Raw::deserialize(deserializer).map(|raw| Self(raw.says_something()))
    }
}
