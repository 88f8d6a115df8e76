//! Markdown that users write, as HTML that can be shown to others.
//!
//! What is written is safe by the way it is made: HTML within the text is shown as text, and an address is kept only
//! where it is one of those that [`leads_somewhere_safe`] knows. So no sanitiser has to take anything out again.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

/// What an address may start with; other schemes run code or reach into the reader's device.
const SAFE: [&str; 6] = ["https://", "http://", "mailto:", "tel:", "/", "#"];

/// Renders a text.
pub(crate) fn to_html(text: &str) -> String {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
    let mut open = Vec::new();
    let events = Parser::new_ext(text, options).filter_map(|event| safe(event, &mut open));
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, events);
    out
}

/// An event as it may be rendered. `open` remembers of the links around it which were kept.
fn safe<'a>(event: Event<'a>, open: &mut Vec<bool>) -> Option<Event<'a>> {
    Some(match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        // An image becomes a link to it: reading a note shall not tell another server so.
        Event::Start(
            Tag::Link { link_type, dest_url, title, id } | Tag::Image { link_type, dest_url, title, id },
        ) => {
            // An address of mail stands there as it was written; `mailto:` is put in front where it is rendered.
            let keep = link_type == LinkType::Email || leads_somewhere_safe(&dest_url);
            open.push(keep);
            if !keep {
                return None;
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        Event::End(TagEnd::Link | TagEnd::Image) => {
            if !open.pop().unwrap_or_default() {
                return None;
            }
            Event::End(TagEnd::Link)
        }
        other => other,
    })
}

fn leads_somewhere_safe(address: &CowStr<'_>) -> bool {
    SAFE.iter().any(|start| {
        address.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html() {
        let cases = [
            ("Call **Ada**", "<p>Call <strong>Ada</strong></p>\n"),
            ("- one\n- ~~two~~", "<ul>\n<li>one</li>\n<li><del>two</del></li>\n</ul>\n"),
            ("[us](https://x.test/?a=1&b)", "<p><a href=\"https://x.test/?a=1&amp;b\">us</a></p>\n"),
            ("<ada@x.test>", "<p><a href=\"mailto:ada@x.test\">ada@x.test</a></p>\n"),
            ("", ""),
        ];
        for (text, html) in cases {
            assert_eq!(to_html(text), html, "{text}");
        }
    }

    #[test]
    fn nothing_that_runs_or_calls_home_gets_through() {
        let cases = [
            ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
            ("a <b onclick=x>b</b>", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n"),
            ("[x](javascript:alert(1))", "<p>x</p>\n"),
            ("[x](JaVaScRiPt:alert(1))", "<p>x</p>\n"),
            ("[x](java&Tab;script:alert(1))", "<p>x</p>\n"),
            ("[x](&#1;javascript:alert(1))", "<p>x</p>\n"),
            ("<data:text/html,x>", "<p>data:text/html,x</p>\n"),
            ("[![p](https://x.test/p.gif)](vbscript:x)", "<p><a href=\"https://x.test/p.gif\">p</a></p>\n"),
            ("![a\" onerror=\"b](x:y)", "<p>a\" onerror=\"b</p>\n"),
            (
                "[x](https://x.test \"\\\"><img>\")",
                "<p><a href=\"https://x.test\" title=\"&quot;&gt;&lt;img&gt;\">x</a></p>\n",
            ),
        ];
        for (text, html) in cases {
            assert_eq!(to_html(text), html, "{text}");
        }
    }
}
