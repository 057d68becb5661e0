//! The JSON of explanations. Its fields are part of finsent's interface.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::result::{ExplainedPart, Explanation};

/// `{"label", "method", "base", "words", "sentences", "passes", "standard_error"}`; `sentences` only of a document,
/// `standard_error` only if the weights are estimates.
impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Explanation", 7)?;
        out.serialize_field("label", self.label())?;
        out.serialize_field("method", self.method().name())?;
        out.serialize_field("base", &self.base())?;
        out.serialize_field("words", self.words())?;
        match self.sentences() {
            Some(sentences) => out.serialize_field("sentences", sentences)?,
            None => out.skip_field("sentences")?,
        }
        out.serialize_field("passes", &self.passes())?;
        match self.standard_error() {
            Some(standard_error) => out.serialize_field("standard_error", &standard_error)?,
            None => out.skip_field("standard_error")?,
        }
        out.end()
    }
}

/// `{"start", "end", "text", "weight"}`.
impl Serialize for ExplainedPart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("ExplainedPart", 4)?;
        out.serialize_field("start", &self.bytes().start)?;
        out.serialize_field("end", &self.bytes().end)?;
        out.serialize_field("text", self.text())?;
        out.serialize_field("weight", &self.weight())?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::super::method::ExplainMethod;
    use super::*;

    #[test]
    fn an_explanation_has_the_documented_fields() {
        let part = |bytes, text: &str, weight| ExplainedPart { bytes, text: text.into(), weight };
        let mut explanation = Explanation {
            label: "negative".into(),
            method: ExplainMethod::Shapley,
            score: 0.75,
            base: 0.25,
            words: vec![part(0..6, "Shares", 0.125), part(7..14, "plunged", 0.375)],
            sentences: None,
            passes: 3,
            standard_error: None,
        };
        assert_eq!(
            serde_json::to_string(&explanation).unwrap(),
            r#"{"label":"negative","method":"shapley","base":0.25,"words":[{"start":0,"end":6,"text":"Shares","weight":0.125},{"start":7,"end":14,"text":"plunged","weight":0.375}],"passes":3}"#
        );
        explanation.words.clear();
        explanation.sentences = Some(vec![part(0..15, "Shares plunged.", 0.5)]);
        explanation.standard_error = Some(0.03125);
        assert_eq!(
            serde_json::to_string(&explanation).unwrap(),
            r#"{"label":"negative","method":"shapley","base":0.25,"words":[],"sentences":[{"start":0,"end":15,"text":"Shares plunged.","weight":0.5}],"passes":3,"standard_error":0.03125}"#
        );
    }
}
