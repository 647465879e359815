pub fn serve() -> anyhow::Result<()> {
    Ok(())
}
