//! What, if anything, should be said?
//!
//! [`Policy`] is a pure function in two steps. The first, [`plan`](Policy::plan), decides from the [`Facts`] of a turn,
//! before the reply is there; the second, [`review`](Policy::review), looks at how the reply begins and says what is to
//! change in it. No classifier, no store, no bytes: what is known comes in, what is to be done comes out. Silence is the
//! default and the most common outcome.
//!
//! ```
//! use undertone::{
//!     conversation::Memory,
//!     empathy::{Facts, Plan, Policy, Review},
//!     protocol::Turn,
//!     sentiment::{Emotion, Emotions, Sentiment},
//! };
//!
//! let policy = Policy::default();
//! let turn = Turn { text: "This is so annoying.".to_owned(), ..Turn::default() };
//! let sentiment = Sentiment { affect: 0.6, emotions: Emotions::certain(Emotion::Frustration), ..Sentiment::default() };
//! let plan = policy.plan(&Facts::new(&turn, &sentiment, &Memory::default()));
//! let Plan::Review(intent) = plan else { panic!("{plan:?}") };
//! let reply = "It left on Tuesday.";
//! let Review::Change(change) = policy.review(&intent, reply, true) else { panic!() };
//! assert!(change.apply(reply).ends_with(" It left on Tuesday."));
//! ```

mod choice;
mod editor;
mod house;
mod intent;
mod interjection;
mod kind;
mod past;
mod policy;
mod review;
mod shape;
mod silence;
mod voice;
mod weight;

#[cfg(feature = "cli")]
pub(crate) use self::policy::DANGER;
pub use self::{
    editor::{Fault, Remark},
    house::{Apologies, Toning, UnknownChoice},
    intent::{Intent, Saying},
    interjection::{Interjection, Place},
    kind::Kind,
    policy::{DEFAULT_FLOOR, Facts, Plan, Policy},
    review::{Adjustment, Change, Review},
    shape::Shape,
    silence::Silence,
    voice::{Phrasebook, PhrasebookError, Tone, UnknownTone},
    weight::{Weight, WeightError},
};
pub(crate) use self::{
    interjection::behind,
    policy::is_dangerous,
    voice::{Pattern, Patterns},
};
