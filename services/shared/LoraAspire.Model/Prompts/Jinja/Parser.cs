namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Tokens to nodes: statements here, expressions in the other file.</summary>
internal sealed partial class Parser(List<Token> tokens)
{
    /// <summary>Which of caller, varargs and kwargs were spoken of: a macro takes no others than those it names.</summary>
    private readonly HashSet<string> _special = new(StringComparer.Ordinal);
    private int _at;
    private int _depth;
    private int _loops;

    private Token Current => tokens[_at];

    /// <exception cref="TemplateException">It isn't a template; with the line.</exception>
    public IReadOnlyList<Node> Template() => Body(null);

    public bool HasGeneration { get; private set; }

    /// <summary>What stands up to one of the tags named, whose name is then the current token; up to the template's end where none is
    /// named.</summary>
    private List<Node> Body(string? of, params ReadOnlySpan<string> ends)
    {
        Deeper();
        List<Node> body = [];
        var begin = Current.Line;
        while (true)
        {
            var token = Current;
            _at++;
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new Literal(token.Line, Value.Of(token.Text, Origin.Template)));
                    break;
                case TokenKind.PrintBegin:
                    body.Add(new Print(token.Line, Tuple()));
                    Expect(TokenKind.PrintEnd);
                    break;
                case TokenKind.BlockBegin when Current.Kind == TokenKind.Name && ends.Contains(Current.Text):
                    _depth--;
                    return body;
                case TokenKind.BlockBegin:
                    body.Add(Statement());
                    Expect(TokenKind.BlockEnd);
                    break;
                case TokenKind.End when of is null:
                    return body;
                default:
                    throw new TemplateException($"Unexpected end of template: the '{of}' that began before line {begin} has "
                        + $"no {string.Join(" or ", ends)}", token.Line);
            }
        }
    }

    private Node Statement()
    {
        var token = Expect(TokenKind.Name);
        return token.Text switch
        {
            "if" => If(token.Line),
            "for" => For(token.Line),
            "set" => Set(token.Line),
            "with" => With(token.Line),
            "macro" => Macro(token.Line),
            "call" => CallBlock(token.Line),
            "filter" => FilterBlock(token.Line),
            "generation" => Generation(token.Line),
            "print" => new Print(token.Line, Tuple()),
            "break" or "continue" when _loops > 0 => new Jump(token.Line, token.Text == "break"),
            "break" or "continue" => throw new TemplateException($"'{token.Text}' outside loop", token.Line),
            "include" or "import" or "from" or "extends" or "block" =>
                throw new TemplateException($"'{token.Text}' isn't for chat templates: they are one file and read no other", token.Line),
            _ => throw new TemplateException($"Encountered unknown tag '{token.Text}'", token.Line),
        };
    }

    /// <summary>The body after the tag's end, and the tag that ends it.</summary>
    private List<Node> Block(string of, string end)
    {
        Expect(TokenKind.BlockEnd);
        var body = Body(of, end);
        _at++;
        return body;
    }

    /// <summary>A block that is a function of its own in jinja2: nothing in it breaks a loop around it.</summary>
    private List<Node> Apart(string of, string end)
    {
        var loops = _loops;
        _loops = 0;
        var body = Block(of, end);
        _loops = loops;
        return body;
    }

    private If If(int line)
    {
        List<(Expression, IReadOnlyList<Node>)> branches = [];
        while (true)
        {
            var condition = Tuple(conditional: false);
            Expect(TokenKind.BlockEnd);
            branches.Add((condition, Body("if", "elif", "else", "endif")));
            var tag = Expect(TokenKind.Name).Text;
            if (tag != "elif")
            {
                return new(line, branches, tag == "else" ? Block("else", "endif") : []);
            }
        }
    }

    private For For(int line)
    {
        var target = Targets(inFor: true);
        ExpectName("in");
        var over = Tuple(conditional: false, end: "recursive");
        var condition = SkipName("if") ? Expression() : null;
        var recursive = SkipName("recursive");
        Expect(TokenKind.BlockEnd);
        _loops++;
        var body = Body("for", "else", "endfor");
        _loops--;
        var orElse = Expect(TokenKind.Name).Text != "else" ? [] : recursive ? Apart("else", "endfor") : Block("else", "endfor");
        return new(line, target, over, condition, recursive, body, orElse);
    }

    private Node Set(int line)
    {
        var target = Targets(inFor: false);
        if (SkipOperator("="))
        {
            return new Set(line, target, Tuple());
        }
        var filters = Current.Is(TokenKind.Operator, "|") ? (Filter)Filters(null)! : null;
        return new SetBlock(line, target, filters, Block("set", "endset"));
    }

    private With With(int line)
    {
        List<(Target, Expression)> values = [];
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (values.Count > 0)
            {
                ExpectOperator(",");
            }
            var name = Expect(TokenKind.Name).Text;
            ExpectOperator("=");
            values.Add((new NameTarget(Assignable(name)), Expression()));
        }
        return new(line, values, Block("with", "endwith"));
    }

    private Generation Generation(int line)
    {
        HasGeneration = true;
        return new(line, Apart("generation", "endgeneration"));
    }

    private FilterBlock FilterBlock(int line)
    {
        var filters = (Filter)Filters(null, inline: true)!;
        return new(line, filters, Block("filter", "endfilter"));
    }

    private Macro Macro(int line)
    {
        var name = Assignable(Expect(TokenKind.Name).Text);
        return MacroBody(line, name, Parameters(), "macro", "endmacro");
    }

    private CallBlock CallBlock(int line)
    {
        var parameters = Current.Is(TokenKind.Operator, "(") ? Parameters() : [];
        var call = Expression();
        return call is Call ? new(line, call, MacroBody(line, "caller", parameters, "call", "endcall"))
            : throw new TemplateException("expected call", line);
    }

    private Macro MacroBody(int line, string name, List<(string, Expression?)> parameters, string of, string end)
    {
        var before = _special.ToHashSet();
        _special.Clear();
        var body = Apart(of, end);
        var uses = _special.ToHashSet();
        _special.UnionWith(before);
        return new(line, name, parameters, body, uses);
    }

    private List<(string Name, Expression? Default)> Parameters()
    {
        List<(string Name, Expression? Default)> parameters = [];
        ExpectOperator("(");
        while (!Current.Is(TokenKind.Operator, ")"))
        {
            if (parameters.Count > 0)
            {
                ExpectOperator(",");
            }
            if (parameters.Count == TemplateLimits.Nesting)
            {
                throw Fault($"a macro with more than {TemplateLimits.Nesting} parameters");
            }
            var name = Assignable(Expect(TokenKind.Name).Text);
            var given = SkipOperator("=") ? Expression() : null;
            parameters.Add(given is null && parameters.Count > 0 && parameters[^1].Default is not null
                ? throw Fault("non-default argument follows default argument") : (name, given));
        }
        ExpectOperator(")");
        return parameters;
    }

    private Target Targets(bool inFor)
    {
        List<Target> parts = [];
        var isTuple = false;
        do
        {
            if (parts.Count > 0 && (Current.Kind == TokenKind.BlockEnd || Current.Is(TokenKind.Operator, "=")
                || Current.Is(TokenKind.Operator, ")") || Current.Is(TokenKind.Name, "in")))
            {
                break;
            }
            parts.Add(OneTarget(inFor));
        }
        while (SkipOperator(",") && (isTuple = true));
        return isTuple ? new TupleTarget(parts) : parts[0];
    }

    private Target OneTarget(bool inFor)
    {
        if (SkipOperator("("))
        {
            Deeper();
            var inner = Targets(inFor);
            _depth--;
            ExpectOperator(")");
            return inner;
        }
        var name = Expect(TokenKind.Name).Text;
        return !inFor && SkipOperator(".") ? new NamespaceTarget(name, Expect(TokenKind.Name).Text) : new NameTarget(Assignable(name));
    }

    private string Assignable(string name) => name is "true" or "false" or "none" or "True" or "False" or "None"
        ? throw Fault($"can't assign to '{name}'") : name;

    private Token Expect(TokenKind kind) => Current.Kind == kind ? tokens[_at++]
        : throw Fault($"unexpected '{Current.Described}', expected {kind switch
        {
            TokenKind.BlockEnd => "'end of statement block'",
            TokenKind.PrintEnd => "'end of print statement'",
            _ => "a name",
        }}");

    private void ExpectOperator(string op)
    {
        if (!SkipOperator(op))
        {
            throw Fault($"expected token '{op}', got '{Current.Described}'");
        }
    }

    private void ExpectName(string name)
    {
        if (!SkipName(name))
        {
            throw Fault($"expected token '{name}', got '{Current.Described}'");
        }
    }

    private bool SkipOperator(string op) => Skip(Current.Is(TokenKind.Operator, op));

    private bool SkipName(string name) => Skip(Current.Is(TokenKind.Name, name));

    private bool Skip(bool matches)
    {
        _at += matches ? 1 : 0;
        return matches;
    }

    private void Deeper()
    {
        if (++_depth > TemplateLimits.Nesting)
        {
            throw Fault("tags or expressions are nested too deeply");
        }
    }

    private TemplateException Fault(string words) => new(words, Current.Line);
}
