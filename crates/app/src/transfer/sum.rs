//! Sums of parts, by which two stores are compared.

use ring::digest::{SHA256, digest};

use super::Row;

/// How many rows a part has, and a checksum of what is in them that does not depend on their order: the
/// sum of the SHA-256 digests of their canonical forms, as four numbers that overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Rows.
    pub rows: u64,
    digests: [u64; 4],
}

impl Sum {
    /// Counts one more row.
    pub fn add(&mut self, row: &Row) {
        self.rows += 1;
        let mut bytes = Vec::with_capacity(row.iter().map(|value| value.size() + 9).sum());
        for value in row {
            value.write_to(&mut bytes);
        }
        let digest = digest(&SHA256, &bytes);
        let (numbers, _) = digest.as_ref().as_chunks::<8>();
        for (sum, number) in self.digests.iter_mut().zip(numbers) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::Value;

    fn sum(rows: &[Row]) -> Sum {
        let mut sum = Sum::default();
        rows.iter().for_each(|row| sum.add(row));
        sum
    }

    #[test]
    fn a_sum_depends_on_what_is_there_and_not_on_its_order() {
        let text = |text: &str| vec![Value::Text(text.to_owned()), Value::Null];
        let (one, other) = (text("one"), text("other"));
        let both = sum(&[one.clone(), other.clone()]);
        assert_eq!(both, sum(&[other.clone(), one.clone()]));
        assert_ne!(both, sum(&[one.clone(), one.clone()]));
        assert_ne!(both, sum(std::slice::from_ref(&one)));
        assert_ne!(sum(&[one]), sum(&[other]));
    }

    #[test]
    fn values_that_look_alike_differ() {
        let rows = [
            vec![Value::Text(String::new()), Value::Null],
            vec![Value::Null, Value::Text(String::new())],
            vec![Value::Bytes(Vec::new()), Value::Null],
            vec![Value::Text("a".to_owned()), Value::Text("b".to_owned())],
            vec![Value::Text("ab".to_owned()), Value::Text(String::new())],
            vec![Value::Int(0), Value::Null],
        ];
        for (place, row) in rows.iter().enumerate() {
            for other in &rows[..place] {
                assert_ne!(
                    sum(std::slice::from_ref(row)),
                    sum(std::slice::from_ref(other))
                );
            }
        }
    }
}
