//! What agents said and did while they worked, kept piece by piece as it comes.

use baton_model::{State, principal::Scope};
use baton_store::{directive, transcript};

use crate::{Engine, Error, Principal, Result, queue::held};

/// Most bytes that are kept of one attempt: 16 MiB. Workers keep less and say where they cut.
pub const LONGEST: i64 = 16 * 1024 * 1024;
/// Pieces that one answer brings.
const PIECES: i64 = 200;

/// A part of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The attempt that it is of.
    pub attempt: i64,
    /// The byte at which it begins.
    pub offset: i64,
    /// What was said.
    pub text: String,
    /// The byte at which the next one begins.
    pub next: i64,
}

impl Engine {
    /// Adds a piece to the transcript of the attempt that `token` names, which begins at the byte `offset`. The same
    /// piece again changes nothing. Answers how many bytes are kept now.
    ///
    /// # Errors
    /// [`Error::Conflict`] `wrong_offset` for a piece that begins elsewhere than where the ones before end, `too_long`
    /// beyond [`LONGEST`]; and as for a lease that has ended.
    pub async fn append_transcript(
        &self,
        who: &Principal,
        id: &str,
        token: &str,
        offset: i64,
        text: &str,
    ) -> Result<i64> {
        who.may(Scope::Work)?;
        let (who, id, token) = (who.clone(), id.to_owned(), token.to_owned());
        let (text, now) = (text.replace('\0', "\u{fffd}"), self.inner.clock.now());
        let steady = self.inner.clock.steady();
        let added = i64::try_from(text.len()).unwrap_or(i64::MAX);
        let write = self.inner.store.write(async move |tx| {
            let (row, millis) = held(tx, &who, &id, &token).await?;
            // Whoever sends a piece is alive; a lease that has half of its time left is not written for that.
            let ends_at = row.lease.as_ref().map_or(steady, |lease| lease.ends_at);
            if row.state == State::Leased && ends_at - steady < millis / 2 {
                directive::renew(tx, &row, steady + millis).await?;
            }
            let length = transcript::length(tx, &id, row.attempt).await?;
            if added == 0 || offset.checked_add(added) == Some(length) {
                return Ok(length);
            }
            if offset != length {
                let detail = format!("the transcript has {length} bytes: the next piece begins there, not at {offset}");
                return Err(Error::conflict("wrong_offset", detail));
            }
            if length + added > LONGEST {
                let detail = format!("at most {LONGEST} bytes of an attempt are kept");
                return Err(Error::conflict("too_long", detail));
            }
            transcript::append(tx, &id, row.attempt, length, now, &text).await?;
            Ok(length + added)
        });
        write.await
    }

    /// A part of a transcript: of that attempt or, by default, of the latest that has one; from the byte `offset`.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown directive, or an attempt without a transcript.
    pub async fn transcript(&self, who: &Principal, id: &str, attempt: Option<i64>, offset: i64) -> Result<Excerpt> {
        who.may(Scope::Read)?;
        let (who, id) = (who.clone(), id.to_owned());
        let read = self.inner.store.read(async move |tx| {
            let row = directive::get(tx, &id).await?.filter(|row| who.sees_directive(row));
            row.ok_or_else(|| Error::no_directive(&id))?;
            let kept = transcript::attempts(tx, &id).await?;
            let of = attempt.or(kept.last().copied()).filter(|of| kept.contains(of));
            let Some(of) = of else {
                return Err(Error::NotFound { what: "transcript of the directive", id: id.clone() });
            };
            let pieces = transcript::pieces(tx, &id, of, offset.max(0), PIECES).await?;
            Ok((of, pieces))
        });
        let (attempt, pieces) = read.await?;
        let begin = pieces.first().map_or(0, |(start, _)| *start);
        let text: String = pieces.into_iter().map(|(_, text)| text).collect();
        let end = begin + i64::try_from(text.len()).unwrap_or(0);
        let from = offset.clamp(begin, end);
        let text = usize::try_from(from - begin).ok().and_then(|from| text.get(from..));
        let text =
            text.ok_or_else(|| Error::field("offset", "is in the middle of a character; take one that was given"))?;
        Ok(Excerpt { attempt, offset: from, next: end, text: text.to_owned() })
    }
}
