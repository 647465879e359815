//! The form that adds a directive. The page's script sends it to the REST API and shows each refusal at its field: the
//! names of the inputs are the names of the API's fields.

use baton_model::Priority;
use maud::{Markup, html};

/// What every input of a kind has.
struct Input {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    hint: &'static str,
}

const WHO_AND_WHEN: [Input; 4] = [
    Input { name: "agent", label: "Only for agent", kind: "text", hint: "its name" },
    Input { name: "delay_seconds", label: "Delay, seconds", kind: "number", hint: "0" },
    Input { name: "timeout_seconds", label: "Lease, seconds", kind: "number", hint: "3600" },
    Input { name: "webhook", label: "Webhook", kind: "url", hint: "https://…" },
];
const RETRY: [Input; 3] = [
    Input { name: "max_retries", label: "Retries", kind: "number", hint: "none" },
    Input { name: "retry_delay", label: "First after, seconds", kind: "number", hint: "30" },
    Input { name: "retry_backoff", label: "Growing by", kind: "number", hint: "1" },
];

/// The form; folded unless there is nothing else to see.
pub(super) fn form(open: bool) -> Markup {
    html! {
        details #add.card.needs-js open[open] data-keep {
            summary aria-keyshortcuts="n" { h2 { "Add a directive" } }
            form #add-form autocomplete="off" novalidate {
                p.field.wide {
                    label for="add-directive" { "What shall be done" }
                    textarea #add-directive name="directive" rows="3" required
                        placeholder="Summarise yesterday's error log" {}
                }
                div.fields {
                    p.field {
                        label for="add-priority" { "Priority" }
                        select #add-priority name="priority" { (priorities(Priority::Medium)) }
                    }
                    p.field {
                        label for="add-tags" { "Tags, separated by commas" }
                        input #add-tags type="text" name="tags" placeholder="ops, nightly";
                    }
                }
                details.more {
                    summary { "More: agent, delay, webhook, retries, follow-ups" }
                    div.fields { @for input in &WHO_AND_WHEN { (field(input)) } }
                    div.fields { @for input in &RETRY { (field(input)) } }
                    fieldset #rules {
                        legend { "Follow-ups" }
                        p.hint { "When the condition fits the result, the next directive is queued. Conditions: "
                            code { "success" } ", " code { "error" } ", " code { "result.contains('x')" }
                            ", joined by AND, OR, NOT; or CEL." }
                        button #add-rule type="button" { "Add a follow-up" }
                    }
                    template #rule {
                        div.rule.fields {
                            p.field.grow { label { "Condition"
                                input type="text" data-name="condition" placeholder="success"; } }
                            p.field.grow { label { "Next directive"
                                input type="text" data-name="next_directive" placeholder="Write the changelog"; } }
                            p.field { label { "Priority"
                                select data-name="priority" { (priorities(Priority::Medium)) } } }
                            p.field { label { "Delay, seconds"
                                input type="number" min="0" step="any" data-name="delay_seconds" placeholder="0"; } }
                            button type="button" data-remove { "Remove" }
                        }
                    }
                }
                p.wrong #add-wrong role="alert" {}
                p.buttons {
                    button.primary type="submit" { "Add to the queue" }
                    span.hint { kbd { "Ctrl" } "+" kbd { "Enter" } }
                }
            }
        }
    }
}

fn field(input: &Input) -> Markup {
    let Input { name, label, kind, hint } = input;
    let number = (*kind == "number").then_some("any");
    html! {
        p.field {
            label for={ "add-" (name) } { (label) }
            input id={ "add-" (name) } type=(kind) name=(name) placeholder=(hint) step=[number]
                min=[number.map(|_| "0")];
        }
    }
}

/// The priorities to choose from, most urgent first.
pub(crate) fn priorities(chosen: Priority) -> Markup {
    html! {
        @for priority in Priority::ALL {
            option value=(priority.as_str()) selected[priority == chosen] { (priority.as_str()) }
        }
    }
}
