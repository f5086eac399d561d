//! The chunked coding (RFC 9112, section 7.1) but for its data: byte by byte, and strictly. Pure.

/// Where in a chunked body one is; at first, at its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chunks {
    place: Place,
    /// The size of the chunk as far as it is known, then what is left of it.
    left: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    FirstDigit,
    Digits,
    Blank,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    LineStart,
    Trailer,
    TrailerLf,
    EndLf,
}

/// What a byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The size of a chunk, or the end of a line.
    Framing,
    /// An extension of a chunk.
    Extension,
    /// A line of the trailers.
    Trailer,
    /// It is the last one of the body.
    End,
}

/// What a byte must not be where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// The end of a line without a carriage return.
    LineFeed,
    /// Anything else, or a size that is too large.
    Other,
}

impl Chunks {
    /// Whether a line of the trailers has begun.
    pub fn is_in_trailer(&self) -> bool {
        self.place == Place::Trailer
    }

    /// How many bytes of data come next; 0 where a byte of framing does.
    pub fn data_left(&self) -> u64 {
        if self.place == Place::Data { self.left } else { 0 }
    }

    /// So many bytes of data were taken.
    pub fn took(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
        if self.left == 0 {
            self.place = Place::DataCr;
        }
    }

    /// Takes the next byte, which is none of data.
    ///
    /// # Errors
    /// When it must not be there. Whoever does not mind a bare line feed in the trailers may go on.
    pub fn byte(&mut self, byte: u8) -> Result<Part, Misplaced> {
        let (next, part) = match (self.place, byte) {
            (Place::FirstDigit | Place::Digits, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                let size = self.left.checked_mul(16).and_then(|size| size.checked_add(digit));
                self.left = size.ok_or(Misplaced::Other)?;
                (Place::Digits, Part::Framing)
            }
            (Place::Digits | Place::Blank, b'\t' | b' ') => (Place::Blank, Part::Framing),
            (Place::Digits | Place::Blank | Place::Extension, b'\r') => (Place::SizeLf, Part::Framing),
            (Place::Extension, b'\n') => return Err(Misplaced::LineFeed),
            (Place::LineStart | Place::Trailer, b'\n') => {
                self.place = Place::Trailer;
                return Err(Misplaced::LineFeed);
            }
            (Place::Digits | Place::Blank, b';') | (Place::Extension, _) => {
                (Place::Extension, Part::Extension)
            }
            (Place::SizeLf, b'\n') if self.left == 0 => (Place::LineStart, Part::Framing),
            (Place::SizeLf, b'\n') => (Place::Data, Part::Framing),
            (Place::DataCr, b'\r') => (Place::DataLf, Part::Framing),
            (Place::DataLf, b'\n') => (Place::FirstDigit, Part::Framing),
            (Place::LineStart, b'\r') => (Place::EndLf, Part::Framing),
            (Place::Trailer, b'\r') => (Place::TrailerLf, Part::Trailer),
            (Place::LineStart | Place::Trailer, _) => (Place::Trailer, Part::Trailer),
            (Place::TrailerLf, b'\n') => (Place::LineStart, Part::Trailer),
            (Place::EndLf, b'\n') => (Place::FirstDigit, Part::End),
            _ => return Err(Misplaced::Other),
        };
        self.place = next;
        Ok(part)
    }
}
