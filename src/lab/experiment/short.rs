//! Calls in short: `{ send = 1000 }` for `{ send = { bytes = 1000 } }`.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};

use super::{Amount, Payload, Receive, Send};

/// Something that is written as its main part alone, or as a table.
pub(super) struct Short<T>(pub(super) T);

/// The main part of a [`Short`].
pub(super) trait Main: Sized {
    type Part;
    fn of(part: Self::Part) -> Self;
}

impl Main for Send {
    type Part = Payload;

    fn of(payload: Payload) -> Self {
        Self {
            payload,
            times: 1,
            every_ms: 0,
        }
    }
}

impl Main for Receive {
    type Part = Amount;

    fn of(amount: Amount) -> Self {
        Self {
            amount,
            at_once: Self::AT_ONCE,
            rate: None,
        }
    }
}

impl<'de, T> Deserialize<'de> for Short<T>
where
    T: Main + Deserialize<'de>,
    T::Part: Deserialize<'de>,
{
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T> Visitor<'de> for Either<T>
        where
            T: Main + Deserialize<'de>,
            T::Part: Deserialize<'de>,
        {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text or a table")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
                T::Part::deserialize(de::value::I64Deserializer::new(number)).map(T::of)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
                T::Part::deserialize(de::value::StrDeserializer::new(text)).map(T::of)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        from.deserialize_any(Either(PhantomData)).map(Self)
    }
}
