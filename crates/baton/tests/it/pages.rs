//! The pages for people: from this server alone, under a policy that lets nothing else in.

mod browser;
mod html;
