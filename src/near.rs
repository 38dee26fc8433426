//! The name that somebody may have meant.

/// Of `names` the first that is most like `name`, if it is like it: of long names more letters
/// may be wrong.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // What is longer is no mistyped name, and comparing it would take its time.
    if name.len() > LONGEST {
        return None;
    }
    let distances = names.map(|known| (strsim::osa_distance(name, known), known));
    let (distance, near) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.len() / 4).then_some(near)
}

/// Far more bytes than any name here has.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_where_one_is_near() {
        let names = ["head-bytes", "head-limit", "idle"];
        let long = "head-bytes".repeat(7);
        for (name, near) in [
            ("head-bytes", Some("head-bytes")),
            ("hed-byte", Some("head-bytes")),
            ("head-", None),
            ("iddle", Some("idle")),
            ("zzz", None),
            ("", None),
            (&long, None),
        ] {
            assert_eq!(nearest(name, names.into_iter()), near, "{name}");
        }
    }
}
