namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>
/// A template of the Jinja language, set up as transformers does for chat templates: trim_blocks, lstrip_blocks, break and continue,
/// generation, raise_exception,
/// strftime_now, a tojson without HTML's escapes. Includes and inheritance are left out. It reads no file, reaches nothing of .NET, and is
/// bounded in time and memory.
/// </summary>
internal sealed class JinjaTemplate
{
    private readonly IReadOnlyList<Node> _nodes;

    /// <exception cref="TemplateException">It isn't a template.</exception>
    public JinjaTemplate(string source)
    {
        Parser parser = new(Lexer.Read(source));
        _nodes = parser.Template();
        HasGeneration = parser.HasGeneration;
    }

    /// <summary>Whether a part of it is between generation and endgeneration.</summary>
    public bool HasGeneration { get; }

    /// <exception cref="TemplateException">It refuses (raise_exception), fails, or does more than <see cref="TemplateLimits"/> lets
    /// it.</exception>
    public Text Render(IEnumerable<KeyValuePair<string, Value>> variables, DateTimeOffset now) => Interpreter.Render(_nodes, variables,
        now);
}
