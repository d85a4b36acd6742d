namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Evaluates expressions.</summary>
internal sealed partial class Interpreter
{
    /// <summary>== != &lt; &lt;= &gt; &gt;= between two values.</summary>
    public bool Compares(string op, Value left, Value right) => op switch
    {
        "==" => Operators.AreEqual(left, right, Work),
        "!=" => !Operators.AreEqual(left, right, Work),
        "in" => Operators.Contains(right, left, Work),
        "not in" => !Operators.Contains(right, left, Work),
        "<" => Operators.Compare(op, left, right, Work) < 0,
        "<=" => Operators.Compare(op, left, right, Work) <= 0,
        ">" => Operators.Compare(op, left, right, Work) > 0,
        _ => Operators.Compare(op, left, right, Work) >= 0,
    };

    private Value Evaluate(Expression expression, Scope scope)
    {
        Work.Enter();
        _line = expression.Line;
        var value = expression switch
        {
            Constant constant => constant.Value,
            Name name => scope.Find(name.Id) ?? UndefinedValue.Name(name.Id),
            Attribute attribute => At(attribute, Indexing.Attribute(Evaluate(attribute.Of, scope), attribute.Id, Work)),
            Item item => ItemOf(item, scope),
            Call call => CallOf(call, scope),
            Filter filter => Filtered(filter, null, scope),
            Test test => TestOf(test, scope),
            Not not => Value.Of(!Sequences.IsTrue(Evaluate(not.Of, scope))),
            Logic logic => Evaluate(logic.Left, scope) is var left && Sequences.IsTrue(left) == logic.IsAnd ? Evaluate(logic.Right, scope)
                : left,
            Conditional conditional => ConditionalOf(conditional, scope),
            Comparison comparison => ComparisonOf(comparison, scope),
            Arithmetic arithmetic => ArithmeticOf(arithmetic, scope),
            Sign sign => Numbers.Negate(Evaluate(sign.Of, scope), sign.IsMinus),
            Concatenation parts => Joined(parts, scope),
            Collection list => new ListValue([.. list.Items.Select(item => Evaluate(item, scope))], list.IsTuple),
            DictLiteral dict => DictOf(dict, scope),
            Slice slice => new SliceValue(Bound(slice.Start, scope), Bound(slice.Stop, scope), Bound(slice.Step, scope)),
            _ => throw new TemplateException("an expression that isn't served"),
        };
        Work.Leave();
        return value;
    }

    /// <summary>What is evaluated after its parts fails at its own line, not at theirs.</summary>
    private Value At(Expression expression, Value value)
    {
        _line = expression.Line;
        return value;
    }

    private Value Bound(Expression? bound, Scope scope) => bound is null ? Value.None : Evaluate(bound, scope);

    private Value ItemOf(Item item, Scope scope)
    {
        var of = Evaluate(item.Of, scope);
        var index = Evaluate(item.Index, scope);
        _line = item.Line;
        return index is SliceValue slice ? Indexing.Slice(of, slice.Start, slice.Stop, slice.Step, Work) : Indexing.Item(of, index, Work);
    }

    private Value CallOf(Call call, Scope scope)
    {
        var callee = Evaluate(call.Callee, scope);
        var arguments = Arguments(call.Arguments, scope);
        return Invoke(callee, arguments, call.Line);
    }

    private Value Invoke(Value callee, Arguments arguments, int line)
    {
        _line = line;
        return callee switch
        {
            FunctionValue function => function.Call(arguments),
            LoopValue loop => loop.Again(arguments),
            ObjectValue { Call: { } call } => call(),
            UndefinedValue missing => throw missing.Refusal(),
            _ => throw new TemplateException($"'{callee.Type}' object is not callable"),
        };
    }

    private Arguments Arguments(CallArguments given, Scope scope)
    {
        List<Value> positional = [.. given.Positional.Select(argument => Evaluate(argument, scope))];
        List<KeyValuePair<string, Value>> named = [.. given.Named.Select(argument => KeyValuePair.Create(argument.Name,
            Evaluate(argument.Value, scope)))];
        if (given.Star is { } star)
        {
            positional.AddRange(Sequences.Each(Evaluate(star, scope), Work));
        }
        if (given.StarStar is { } starStar)
        {
            var dict = Evaluate(starStar, scope) as DictValue ?? throw new TemplateException("argument after ** must be a mapping");
            Work.Step(dict.Entries.Count);
            named.AddRange(dict.Entries.Select(entry => KeyValuePair.Create(Str(Operators.Key(entry.Key, Work)).Value, entry.Value)));
        }
        if (named.DistinctBy(pair => pair.Key).Count() != named.Count)
        {
            throw new TemplateException("keyword argument repeated");
        }
        return new(positional, named);
    }

    /// <param name="body">What the innermost filter gets where it stands before no expression.</param>
    private Value Filtered(Filter? filter, Text? body, Scope scope)
    {
        if (filter is null)
        {
            return Value.Of(body!);
        }
        var value = filter.Of switch
        {
            null => Value.Of(body!),
            Filter inner when body is not null => Filtered(inner, body, scope),
            _ => Evaluate(filter.Of, scope),
        };
        var arguments = Arguments(filter.Arguments, scope);
        _line = filter.Line;
        return Filters.Named(filter.Id)(this, value, arguments);
    }

    private Value TestOf(Test test, Scope scope)
    {
        var value = Evaluate(test.Of, scope);
        var arguments = Arguments(test.Arguments, scope);
        _line = test.Line;
        return Value.Of(Tests.Named(test.Id)(this, value, arguments));
    }

    private Value ConditionalOf(Conditional conditional, Scope scope) => Sequences.IsTrue(Evaluate(conditional.Condition, scope))
        ? Evaluate(conditional.Then, scope)
        : conditional.Else is { } other ? Evaluate(other, scope)
        : new UndefinedValue($"the inline if-expression on line {conditional.Line} evaluated to false and no else section was defined.");

    private Value ComparisonOf(Comparison comparison, Scope scope)
    {
        var left = Evaluate(comparison.First, scope);
        foreach (var (op, expression) in comparison.Rest)
        {
            var right = Evaluate(expression, scope);
            _line = comparison.Line;
            if (!Compares(op, left, right))
            {
                return Value.False;
            }
            left = right;
        }
        return Value.True;
    }

    private Value ArithmeticOf(Arithmetic arithmetic, Scope scope)
    {
        var left = Evaluate(arithmetic.Left, scope);
        var right = Evaluate(arithmetic.Right, scope);
        _line = arithmetic.Line;
        return Operators.Apply(arithmetic.Operator, left, right, Work);
    }

    private Value Joined(Concatenation parts, Scope scope)
    {
        TextBuilder text = new();
        foreach (var part in parts.Parts)
        {
            Write(Str(Evaluate(part, scope)), text);
        }
        return Value.Of(text.ToText());
    }

    private DictValue DictOf(DictLiteral dict, Scope scope)
    {
        var entries = DictValue.NewEntries();
        foreach (var (key, value) in dict.Entries)
        {
            entries[Operators.Key(Evaluate(key, scope), Work)] = Evaluate(value, scope);
        }
        return new(entries);
    }

    private sealed class SliceValue(Value start, Value stop, Value step) : Value("slice")
    {
        public Value Start => start;

        public Value Stop => stop;

        public Value Step => step;
    }
}
