//! What a custom field holds.

use pulse_jsonapi::ransack::Kind;

/// Digits after the point of a decimal number.
pub(super) const SCALE: u32 = 4;

/// What a custom field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A text of at most 255 characters.
    Text,
    /// A text of at most 65,535 characters.
    LongText,
    /// An integer of 64 bits.
    Integer,
    /// A decimal number with up to 14 digits before and 4 after the point, in documents a text.
    Decimal,
    /// True or false.
    Boolean,
    /// A date.
    Date,
    /// An instant.
    DateTime,
    /// One of the field's choices.
    Choice,
    /// Any of the field's choices, each at most once.
    MultiChoice,
    /// An address of a website.
    Url,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
}

impl FieldKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Text,
        Self::LongText,
        Self::Integer,
        Self::Decimal,
        Self::Boolean,
        Self::Date,
        Self::DateTime,
        Self::Choice,
        Self::MultiChoice,
        Self::Url,
        Self::Email,
        Self::Phone,
    ];

    /// Their names.
    pub const NAMES: [&str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].name();
            index += 1;
        }
        names
    };

    /// Its name in a definition.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "long_text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Choice => "choice",
            Self::MultiChoice => "multi_choice",
            Self::Url => "url",
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether its values are among choices.
    #[must_use]
    pub const fn has_choices(self) -> bool {
        matches!(self, Self::Choice | Self::MultiChoice)
    }

    /// Whether a value can be asked to be that of one record alone.
    #[must_use]
    pub const fn can_be_unique(self) -> bool {
        !matches!(self, Self::Boolean | Self::MultiChoice)
    }

    /// Whether records can be sorted by it.
    pub(crate) const fn sortable(self) -> bool {
        !matches!(self, Self::MultiChoice)
    }

    /// What the values are as far as comparing them is concerned. Several choices compare as a set: they equal each of
    /// their members.
    pub(crate) const fn compared_as(self) -> Kind {
        match self {
            Self::Text | Self::LongText | Self::Choice | Self::Url | Self::Email | Self::Phone => Kind::Text,
            Self::Integer => Kind::BigInteger,
            Self::Decimal => Kind::Decimal { scale: SCALE },
            Self::Boolean => Kind::Boolean,
            Self::Date => Kind::Date,
            Self::DateTime => Kind::DateTime,
            Self::MultiChoice => Kind::Json,
        }
    }
}
