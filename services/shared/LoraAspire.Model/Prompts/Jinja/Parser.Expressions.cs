using System.Globalization;
using System.Numerics;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Expressions, by jinja2's precedence: if, or, and, not, comparisons, + -, ~, * / // %, **, signs, then attributes, calls,
/// filters and tests.</summary>
internal sealed partial class Parser
{
    private Expression Expression()
    {
        Deeper();
        var line = Current.Line;
        var then = Or();
        var chain = 0;
        while (SkipName("if"))
        {
            Long(ref chain);
            var condition = Or();
            then = new Conditional(line, condition, then, SkipName("else") ? Expression() : null);
        }
        _depth--;
        return then;
    }

    /// <summary>An expression, or with commas a tuple. The values of if and for have no "if … else" without brackets.</summary>
    private Expression Tuple(bool conditional = true, string? end = null, bool bracketed = false)
    {
        var line = Current.Line;
        List<Expression> items = [];
        var isTuple = false;
        while (!(Current.Kind is TokenKind.PrintEnd or TokenKind.BlockEnd || Current.Is(TokenKind.Operator, ")") || (end is not null
            && Current.Is(TokenKind.Name, end))))
        {
            items.Add(conditional ? Expression() : Or());
            if (!SkipOperator(","))
            {
                break;
            }
            isTuple = true;
        }
        return isTuple || (bracketed && items.Count == 0) ? new Collection(line, items, IsTuple: true)
            : items.Count == 1 ? items[0] : throw Fault($"Expected an expression, got '{Current.Described}'");
    }

    private Expression Or() => Chain("or", isAnd: false, And);

    private Expression And() => Chain("and", isAnd: true, NotExpression);

    private Expression Chain(string word, bool isAnd, Func<Expression> part)
    {
        var left = part();
        for (var chain = 0; SkipName(word);)
        {
            Long(ref chain);
            left = new Logic(left.Line, isAnd, left, part());
        }
        return left;
    }

    private Expression NotExpression()
    {
        var line = Current.Line;
        if (!SkipName("not"))
        {
            return Compare();
        }
        Deeper();
        Not not = new(line, NotExpression());
        _depth--;
        return not;
    }

    private Expression Compare()
    {
        var first = Sum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            if (Current.Kind == TokenKind.Operator && Current.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
            {
                rest.Add((tokens[_at++].Text, Sum()));
            }
            else if (SkipName("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (Current.Is(TokenKind.Name, "not") && tokens[_at + 1].Is(TokenKind.Name, "in"))
            {
                _at += 2;
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count == 0 ? first : new Comparison(first.Line, first, rest);
            }
        }
    }

    private Expression Sum() => Operation(["+", "-"], Concatenation);

    private Expression Concatenation()
    {
        List<Expression> parts = [Product()];
        while (SkipOperator("~"))
        {
            parts.Add(Product());
        }
        return parts.Count == 1 ? parts[0] : new Concatenation(parts[0].Line, parts);
    }

    private Expression Product() => Operation(["*", "/", "//", "%"], Power);

    private Expression Power() => Operation(["**"], () => Unary());

    private Expression Operation(string[] operators, Func<Expression> part)
    {
        var left = part();
        for (var chain = 0; Current.Kind == TokenKind.Operator && operators.Contains(Current.Text);)
        {
            Long(ref chain);
            var op = tokens[_at++];
            left = new Arithmetic(op.Line, op.Text, left, part());
        }
        return left;
    }

    private Expression Unary(bool filters = true)
    {
        Deeper();
        var line = Current.Line;
        var node = SkipOperator("-") ? new Sign(line, IsMinus: true, Unary(false)) : SkipOperator("+") ? new Sign(line, IsMinus: false,
            Unary(false)) : Primary();
        node = Postfix(node, filters);
        _depth--;
        return node;
    }

    private Expression Primary()
    {
        var token = Current;
        _at++;
        switch (token.Kind)
        {
            case TokenKind.Name:
                if (token.Text is "caller" or "varargs" or "kwargs")
                {
                    _special.Add(token.Text);
                }
                return token.Text switch
                {
                    "true" or "True" => new Constant(token.Line, Value.True),
                    "false" or "False" => new Constant(token.Line, Value.False),
                    "none" or "None" => new Constant(token.Line, Value.None),
                    _ => new Name(token.Line, token.Text),
                };
            case TokenKind.String:
                List<string> parts = [token.Text];
                while (Current.Kind == TokenKind.String)
                {
                    parts.Add(tokens[_at++].Text);
                }
                return new Constant(token.Line, Value.Of(string.Concat(parts), Origin.Template));
            case TokenKind.Integer or TokenKind.Float:
                return new Constant(token.Line, Number(token));
            case TokenKind.Operator when token.Text == "(":
                var inner = Tuple(bracketed: true);
                ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return new Collection(token.Line, Listed("]", Expression), IsTuple: false);
            case TokenKind.Operator when token.Text == "{":
                return new DictLiteral(token.Line, Listed("}", Entry));
            default:
                throw new TemplateException($"unexpected '{token.Described}'", token.Line);
        }
    }

    private (Expression Key, Expression Value) Entry()
    {
        var key = Expression();
        ExpectOperator(":");
        return (key, Expression());
    }

    private List<T> Listed<T>(string end, Func<T> item)
    {
        List<T> items = [];
        while (!SkipOperator(end))
        {
            if (items.Count > 0)
            {
                ExpectOperator(",");
                if (SkipOperator(end))
                {
                    break;
                }
            }
            items.Add(item());
        }
        return items;
    }

    private static Value Number(Token token)
    {
        if (token.Kind == TokenKind.Float)
        {
            return new FloatValue(double.Parse(token.Text, NumberStyles.Float, CultureInfo.InvariantCulture));
        }
        if (token.Text.Length > 1000)
        {
            throw new TemplateException("a number has more than 1000 digits", token.Line);
        }
        var digits = token.Text.Length > 1 && token.Text[0] == '0' ? char.ToLowerInvariant(token.Text[1]) : '\0';
        return new IntValue(digits switch
        {
            'x' => BigInteger.Parse("0" + token.Text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
            'o' or 'b' => Based(token, digits == 'o' ? 8 : 2),
            _ => BigInteger.Parse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture),
        });
    }

    private static BigInteger Based(Token token, int numbers) => token.Text.Skip(2).Aggregate(BigInteger.Zero, (sum, digit) =>
        digit - '0' < numbers && digit >= '0'
        ? (sum * numbers) + (digit - '0') : throw new TemplateException($"'{token.Text}' is no number", token.Line));

    private Expression Postfix(Expression node, bool filters)
    {
        for (var chain = 0; ; Long(ref chain))
        {
            var line = Current.Line;
            if (SkipOperator("."))
            {
                var token = tokens[_at++];
                node = token.Kind switch
                {
                    TokenKind.Name => new Attribute(line, node, token.Text),
                    TokenKind.Integer => new Item(line, node, new Constant(token.Line, Number(token))),
                    _ => throw new TemplateException("expected name or number", token.Line),
                };
            }
            else if (SkipOperator("["))
            {
                var parts = Listed("]", Subscript);
                node = parts.Count == 0 ? throw new TemplateException("expected subscript expression", line)
                    : new Item(line, node, parts.Count == 1 ? parts[0] : new Collection(line, parts, IsTuple: true));
            }
            else if (Current.Is(TokenKind.Operator, "("))
            {
                node = new Call(line, node, CallArguments());
            }
            else if (filters && Current.Is(TokenKind.Operator, "|"))
            {
                node = Filters(node)!;
            }
            else if (filters && SkipName("is"))
            {
                node = TestOf(node, line);
            }
            else
            {
                return node;
            }
        }
    }

    private Expression Subscript()
    {
        var line = Current.Line;
        var start = Current.Is(TokenKind.Operator, ":") ? null : Expression();
        if (!SkipOperator(":"))
        {
            return start!;
        }
        bool Ends() => Current.Kind == TokenKind.Operator && Current.Text is "]" or "," or ":";
        var stop = Ends() ? null : Expression();
        var step = SkipOperator(":") && !Ends() ? Expression() : null;
        return new Slice(line, start, stop, step);
    }

    private CallArguments CallArguments()
    {
        Deeper();
        ExpectOperator("(");
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        Expression? star = null, starStar = null;
        var any = false;
        while (!SkipOperator(")"))
        {
            if (any)
            {
                ExpectOperator(",");
                if (SkipOperator(")"))
                {
                    break;
                }
            }
            any = true;
            if (star is null && SkipOperator("*"))
            {
                star = Expression();
            }
            else if (starStar is null && SkipOperator("**"))
            {
                starStar = Expression();
            }
            else if (Current.Kind == TokenKind.Name && tokens[_at + 1].Is(TokenKind.Operator, "=") && starStar is null)
            {
                var name = Current.Text;
                _at += 2;
                named.Add((name, Expression()));
            }
            else if (named.Count == 0 && star is null && starStar is null)
            {
                positional.Add(Expression());
            }
            else
            {
                throw Fault("invalid syntax for function call expression");
            }
        }
        _depth--;
        return new(positional, named, star, starStar);
    }

    private Expression? Filters(Expression? node, bool inline = false)
    {
        for (var chain = 0; inline || SkipOperator("|"); Long(ref chain))
        {
            inline = false;
            var token = Expect(TokenKind.Name);
            var name = token.Text;
            while (SkipOperator("."))
            {
                Long(ref chain);
                name += "." + Expect(TokenKind.Name).Text;
            }
            node = new Filter(token.Line, node, name, Current.Is(TokenKind.Operator, "(") ? CallArguments() : Jinja.CallArguments.None);
        }
        return node;
    }

    private Expression TestOf(Expression node, int line)
    {
        var negated = SkipName("not");
        var name = Expect(TokenKind.Name).Text;
        var arguments = Jinja.CallArguments.None;
        if (Current.Is(TokenKind.Operator, "("))
        {
            arguments = CallArguments();
        }
        else if (Current.Kind is TokenKind.String or TokenKind.Integer or TokenKind.Float
            || (Current.Kind == TokenKind.Name && Current.Text is not ("else" or "or" or "and" or "is"))
            || (Current.Kind == TokenKind.Operator && Current.Text is "[" or "{"))
        {
            arguments = new([Postfix(Primary(), filters: false)], [], null, null);
        }
        else if (Current.Is(TokenKind.Name, "is"))
        {
            throw Fault("You cannot chain multiple tests with is");
        }
        Test test = new(line, node, name, arguments);
        return negated ? new Not(line, test) : test;
    }

    /// <summary>One more operator in a chain of them, which is evaluated from its last to its first.</summary>
    private void Long(ref int chain)
    {
        if (++chain > TemplateLimits.Nesting)
        {
            throw Fault("an expression is too long");
        }
    }
}
