//! What the protocol library asks of a server.

use std::sync::Arc;

use baton_engine::Engine;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, DiscoverResult, ErrorCode,
        GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde_json::Value;

use crate::{
    prompts,
    tools::{self, Call, Tools},
};

/// How long a client may go by a list, in milliseconds. Lists change only with a new version of the server.
const LIST_IS_FRESH: u64 = 300_000;

/// The methods that are served. What the library could not read of them comes as an unknown request.
const METHODS: [&str; 5] = ["server/discover", "tools/list", "tools/call", "prompts/list", "prompts/get"];

/// Answers every request, in both eras.
#[derive(Clone)]
pub struct Handler {
    engine: Engine,
    tools: Arc<Tools>,
}

impl Handler {
    /// Serves the tools of `engine`.
    pub fn new(engine: Engine) -> Self {
        Handler { engine, tools: Arc::new(Tools::all()) }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let about = Implementation::new("baton", env!("CARGO_PKG_VERSION"))
            .with_title("Baton")
            .with_description("One place where AI agents get their work, use their tools and hand back results.");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_prompts().build())
            .with_server_info(about)
            .with_instructions(prompts::INSTRUCTIONS)
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let mut result =
            DiscoverResult::from_server_info(self.supported_protocol_versions().into_owned(), self.get_info());
        result.ttl_ms = LIST_IS_FRESH;
        result.cache_scope = CacheScope::Private;
        Ok(result)
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        only_page(page)?;
        let mut result = ListToolsResult::with_all_items(self.tools.list(tools::who(&context).scopes));
        result.ttl_ms = Some(LIST_IS_FRESH);
        result.cache_scope = Some(CacheScope::Private);
        Ok(result)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.get(name).map(|entry| entry.tool.clone())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(entry) = self.tools.get(&request.name) else {
            return Err(invalid(format!("there is no tool `{}`; tools/list names them all", request.name)));
        };
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let result = entry.call(Call { engine: self.engine.clone(), context }, arguments).await;
        Ok(CallToolResponse::Complete(result))
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        only_page(page)?;
        let mut result = ListPromptsResult::with_all_items(prompts::list());
        result.ttl_ms = Some(LIST_IS_FRESH);
        result.cache_scope = Some(CacheScope::Private);
        Ok(result)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        prompts::get(&request.name, arguments).map(GetPromptResponse::Complete).map_err(invalid)
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        if METHODS.contains(&method.as_str()) {
            return Err(invalid(format!("the params of `{method}` have a wrong shape or lack a required field")));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("there is no method `{method}`"), None))
    }
}

/// Every list is one page, so no cursor was ever given out.
fn only_page(page: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    match page.and_then(|page| page.cursor) {
        Some(cursor) => Err(invalid(format!("`cursor`: `{cursor}` did not come from this list; ask without one"))),
        None => Ok(()),
    }
}

fn invalid(why: String) -> ErrorData {
    ErrorData::invalid_params(why, None)
}
