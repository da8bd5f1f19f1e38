//! What is said in a reply, once that is decided: by the policy at its beginning, by rules there and at its end, and where
//! it is late.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{
    Editor,
    ending::{Behind, Ending},
};
use crate::{
    empathy::{Adjustment, Intent, Interjection, Place},
    layer::{guard::guard, late::LateReply, text::Text},
    protocol::{Frame, Framing},
    rules::{LATE, Stage, Undecided},
};

/// What an acknowledgment may take of a text that has a limit, in characters.
const ROOM: usize = 200;

impl Editor {
    /// It is decided what is to be said, before the reply is there.
    pub(in crate::layer) fn speak(&mut self, intent: Intent, rules: Option<Undecided>, out: &mut VecDeque<Bytes>) {
        self.intent = Some(match rules {
            Some(rules) => self.ask(&rules, Stage::Begins, intent).unwrap_or_else(|intent| {
                self.rules = Some(rules).filter(Undecided::waits_for_end);
                intent
            }),
            None => intent,
        });
        if self.behind.is_none() && self.rules.is_none() {
            self.endings.clear();
        }
        self.decide(false);
        self.release(out);
    }

    /// Takes a reply that is there whole, however it is divided.
    pub(in crate::layer) fn whole(
        &mut self,
        body: Bytes,
        intent: Intent,
        rules: Option<Undecided>,
        out: &mut VecDeque<Bytes>,
    ) {
        if rules.is_none() {
            self.endings.clear();
            self.intent = Some(intent.clone());
        }
        self.rules = rules;
        if self.labelled == Framing::Whole {
            self.take(Frame::whole(body), out);
        } else {
            self.push(body, out);
        }
        if let Some(rules) = self.rules.take()
            && !self.is_passing
        {
            let reply = self.endings.first().map(Ending::told).unwrap_or_default().into_owned();
            let intent = self.ask(&rules, Stage::Whole(&reply), intent).unwrap_or_else(|intent| intent);
            self.intent = Some(intent);
            self.decide(false);
        }
        self.finish(out);
    }

    /// Asks the rules: the intent with what they say, or as it was where none says anything but the acknowledgment.
    fn ask(&mut self, rules: &Undecided, stage: Stage<'_>, intent: Intent) -> Result<Intent, Intent> {
        let Ok(mut decided) = guard(|| rules.decide(stage)) else { return Err(intent) };
        if let (Stage::Whole(_), Ok(Some(most))) = (stage, guard(|| self.reader.max_chars())) {
            let (first, last) = self.endings.first().map(Ending::chars).unwrap_or_default();
            let room = most.saturating_sub(first);
            let length = |interjection: &Interjection| interjection.text.chars().count() + 1;
            decided.emotional = decided.emotional.filter(|emotional| length(emotional) <= room);
            let left = room.saturating_sub(decided.emotional.as_deref().map_or(ROOM, length));
            decided.other = decided.other.filter(|other| match last.filter(|_| other.place == Place::End) {
                Some(last) => length(other) <= most.saturating_sub(last),
                None => length(other) <= left,
            });
        }
        self.spoken.note_failed(&decided);
        let intent = match &decided.emotional {
            Some(interjection) => intent.with_acknowledgment(interjection),
            None => intent,
        };
        match decided.other {
            Some(interjection) => {
                self.behind = Some(Arc::clone(&interjection)).filter(|other| other.place == Place::End);
                Ok(intent.with_interjection(interjection))
            }
            None => Err(intent),
        }
    }

    /// Whether something is, or may yet be, put behind the reply.
    pub(super) fn awaits_end(&self) -> bool {
        (self.behind.is_some() || self.rules.is_some()) && !self.endings.iter().all(Ending::is_closed)
    }

    /// Whether the reply has begun to speak, or nothing can be said any more.
    pub(in crate::layer) fn has_begun(&self) -> bool {
        self.is_passing || self.texts.iter().any(|text| text.has_begun() || text.is_decided())
    }

    /// Says that the reply is late, with the acknowledgment that the turn calls for; whether that was possible, between two
    /// events and in a piece of its own.
    pub(in crate::layer) fn say_late(&mut self, late: &LateReply, out: &mut VecDeque<Bytes>) -> bool {
        let is_between =
            self.held.is_between_events() && self.framer.as_ref().is_none_or(|framer| framer.buffered() == 0);
        let Some(intent) = self.intent.as_ref().filter(|intent| !intent.is_danger() && !self.has_begun() && is_between)
        else {
            return false;
        };
        // What a colon announces is the answer, and not that it is late.
        let saying = intent.before(None).filter(|saying| !saying.sentence.ends_with(':')).cloned();
        let acknowledgment = saying.as_ref().map(|saying| saying.words());
        let words = acknowledgment.into_iter().chain([late.say.clone()]).collect::<Vec<_>>().join(" ") + "\n\n";
        let Ok(Some(piece)) = guard(|| self.reader.first_piece(&words)) else { return false };
        out.extend([self.held.end(self.framing.or(Some(self.labelled))), piece.into()]);
        out.retain(|piece| !piece.is_empty());
        let then = late.then.clone().map(|then| Arc::new(Interjection::new(LATE.into(), Place::Front, then)));
        self.intent = Some(intent.clone().after_late(saying.is_some(), then));
        self.adjustment = Some(Adjustment::Prepend);
        self.spoken.note_late(saying);
        true
    }

    /// The frame that tells of an end, behind which may come what shows whether it was the reply's, where words can stand
    /// nowhere but before it.
    pub(super) fn held_end(&self) -> Option<usize> {
        let (number, end) = self
            .endings
            .iter()
            .enumerate()
            .filter_map(|(number, ending)| Some((number, ending.end()?)))
            .min_by_key(|(_, end)| *end)?;
        let waits = || self.reader.is_last().is_none() && self.reader.next_piece(number, "").is_none();
        (self.awaits_end() && guard(waits).unwrap_or(false)).then_some(end)
    }

    /// An end that is held has waited long enough for what shows that it was the last, or takes too much room.
    pub(in crate::layer) fn release_end(&mut self, out: &mut VecDeque<Bytes>) {
        if self.held_end().is_some() {
            self.endings.iter_mut().filter(|ending| ending.end().is_some()).for_each(Ending::go_on);
            self.release(out);
        }
    }

    /// Puts behind each text that is over what is to stand there; `is_over` says that all are.
    pub(super) fn close(&mut self, is_over: bool) {
        if self.endings.is_empty() || self.is_passing {
            return;
        }
        let may_repeat = self.framing.filter(|_| guard(|| self.reader.may_repeat()).unwrap_or(false));
        let Ok(is_last) = guard(|| self.reader.is_last().or(is_over.then_some(true))) else { return };
        for number in 0..self.endings.len() {
            let Some(ending) = self.endings.get_mut(number) else { break };
            let is_decided = self.texts.get(number).is_none_or(Text::is_decided);
            if ending.is_closed() || !is_decided || !(is_over || ending.end().is_some()) {
                continue;
            }
            match is_last {
                Some(true) => {}
                Some(false) => {
                    ending.go_on();
                    continue;
                }
                None => continue,
            }
            if self.behind.is_none()
                && let Some(rules) = self.rules.take()
                && let Ok(decided) = guard(|| rules.decide(Stage::Ends(&ending.told())))
            {
                self.spoken.note_failed(&decided);
                self.behind = decided.other;
            }
            let (policy, reader) = (&self.policy, &self.reader);
            if !guard(|| policy.may_follow(ending.latest())).unwrap_or(false) {
                ending.leave();
                continue;
            }
            let Some(behind) = &self.behind else {
                self.endings.iter_mut().for_each(Ending::leave);
                return;
            };
            let own = |words: &str| guard(|| reader.next_piece(number, words)).ok().flatten().map(Bytes::from);
            let end = ending.end();
            let Behind { placed, again, is_put } = ending.put(&behind.text, self.held.first(), may_repeat, own);
            self.held.place(placed);
            if let Some(pieces) = again {
                self.held.insert(pieces, end, self.framing);
            }
            if is_put {
                self.adjustment.get_or_insert(Adjustment::Append);
                self.spoken.note_end(behind);
            }
        }
    }
}
