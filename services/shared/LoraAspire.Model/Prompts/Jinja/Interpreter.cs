namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Runs a template's statements, once.</summary>
internal sealed partial class Interpreter
{
    private readonly Scope _globals = new(null);
    private int _line;

    private Interpreter(DateTimeOffset now)
    {
        foreach (var (name, value) in Globals.For(this, now))
        {
            _globals.Set(name, value);
        }
    }

    private enum Flow
    {
        On,
        Break,
        Continue,
    }

    public Work Work { get; } = new();

    /// <exception cref="TemplateException">With the line of what failed.</exception>
    public static Text Render(IReadOnlyList<Node> template, IEnumerable<KeyValuePair<string, Value>> variables, DateTimeOffset now)
    {
        Interpreter interpreter = new(now);
        foreach (var (name, value) in variables)
        {
            interpreter._globals.Set(name, value);
        }
        TextBuilder output = new();
        try
        {
            interpreter.Run(template, new(interpreter._globals), output);
            return output.ToText();
        }
        catch (TemplateException fault) when (fault.Line == 0)
        {
            throw new TemplateException(fault.Words, Math.Max(1, interpreter._line));
        }
    }

    public Text Str(Value value) => Printing.Str(value, Work);

    /// <summary>The same, paid for as a copy.</summary>
    public Text Copied(Value value)
    {
        var text = Str(value);
        Work.Copy(text);
        return text;
    }

    private Flow Run(IReadOnlyList<Node> nodes, Scope scope, TextBuilder output)
    {
        foreach (var node in nodes)
        {
            _line = node.Line;
            Work.Enter();
            var flow = Run(node, scope, output);
            Work.Leave();
            if (flow != Flow.On)
            {
                return flow;
            }
        }
        return Flow.On;
    }

    private Flow Run(Node node, Scope scope, TextBuilder output)
    {
        switch (node)
        {
            case Literal literal: Write(((StringValue)literal.Text).Text, output); break;
            case Print print: Write(Str(Evaluate(print.Of, scope)), output); break;
            case If branches: return RunIf(branches, scope, output);
            case For loop: return RunFor(loop, scope, output, Evaluate(loop.Over, scope), 0);
            case Set set: Assign(set.Target, Evaluate(set.Value, scope), scope); break;
            case SetBlock set: return Body(set.Body, scope, text => Assign(set.Target, Filtered(set.Filters, text, scope), scope));
            case FilterBlock block: return Body(block.Body, scope, text => Write(Str(Filtered(block.Filters, text, scope)), output));
            case Generation generation: return Body(generation.Body, scope, text => Write(text.With(Origin.Learned), output));
            case Jump jump: return jump.IsBreak ? Flow.Break : Flow.Continue;
            case Macro macro: scope.Set(macro.Id, Function(macro, scope)); break;
            case CallBlock block: RunCall(block, scope, output); break;
            case With with: return RunWith(with, scope, output);
        }
        return Flow.On;
    }

    private void Write(Text text, TextBuilder output)
    {
        Work.Copy(text);
        output.Append(text);
        Work.Fits(output.Length);
    }

    /// <summary>What a block wrote is dropped where a break or continue leaves it, as in jinja2.</summary>
    private Flow Body(IReadOnlyList<Node> nodes, Scope scope, Action<Text> use)
    {
        TextBuilder output = new();
        var flow = Run(nodes, new(scope), output);
        if (flow == Flow.On)
        {
            use(output.ToText());
        }
        return flow;
    }

    private Flow RunIf(If branches, Scope scope, TextBuilder output)
    {
        foreach (var (condition, body) in branches.Branches)
        {
            if (Sequences.IsTrue(Evaluate(condition, scope)))
            {
                return Run(body, scope, output);
            }
        }
        return Run(branches.Else, scope, output);
    }

    private Flow RunWith(With with, Scope scope, TextBuilder output)
    {
        Scope inner = new(scope);
        foreach (var (target, value) in with.Values)
        {
            Assign(target, Evaluate(value, scope), inner);
        }
        return Run(with.Body, inner, output);
    }

    /// <summary>The else is for a loop whose body never came to its end, as in jinja2: without items, or left each time.</summary>
    private Flow RunFor(For loop, Scope scope, TextBuilder output, Value over, int depth)
    {
        var items = Sequences.Each(over, Work);
        if (loop.Condition is { } condition)
        {
            items = items.Where(item =>
            {
                Scope inner = new(scope);
                Assign(loop.Target, item, inner);
                return Sequences.IsTrue(Evaluate(condition, inner));
            });
        }
        List<Value> all = [.. items];
        LoopValue value = new(all, depth, !loop.Recursive ? null : again =>
        {
            TextBuilder inner = new();
            RunFor(loop, scope, inner, again, depth + 1);
            return Value.Of(inner.ToText());
        }, Work);
        var ended = false;
        for (var i = 0; i < all.Count; i++)
        {
            Scope inner = new(scope);
            value.Index = i;
            inner.Set("loop", value);
            Assign(loop.Target, all[i], inner);
            var flow = Run(loop.Body, inner, output);
            ended |= flow == Flow.On;
            if (flow == Flow.Break)
            {
                break;
            }
        }
        return ended ? Flow.On : Run(loop.Else, new(scope), output);
    }

    private void Assign(Target target, Value value, Scope scope)
    {
        switch (target)
        {
            case NameTarget name:
                scope.Set(name.Id, value);
                break;
            case NamespaceTarget name:
                var space = scope.Find(name.Id) as NamespaceValue
                    ?? throw new TemplateException("cannot assign attribute on non-namespace object");
                space.Attributes[name.Attribute] = value;
                break;
            case TupleTarget several:
                var values = Sequences.Each(value, Work).Take(several.Parts.Count + 1).ToList();
                if (values.Count != several.Parts.Count)
                {
                    throw new TemplateException(values.Count > several.Parts.Count
                        ? $"too many values to unpack (expected {several.Parts.Count})"
                        : $"not enough values to unpack (expected {several.Parts.Count}, got {values.Count})");
                }
                for (var i = 0; i < values.Count; i++)
                {
                    Assign(several.Parts[i], values[i], scope);
                }
                break;
        }
    }

    private void RunCall(CallBlock block, Scope scope, TextBuilder output)
    {
        var call = (Call)block.Call;
        var arguments = Arguments(call.Arguments, scope);
        var caller = Function(block.Caller, scope);
        var result = Invoke(Evaluate(call.Callee, scope), new(arguments.Positional, [.. arguments.Named, KeyValuePair.Create("caller",
            caller)]), call.Line);
        Write(Str(result), output);
    }

    private Value Function(Macro macro, Scope scope) => new FunctionValue("Macro", macro.Id, arguments => CallMacro(macro, scope,
        arguments))
    {
        Attributes = new Dictionary<string, Value>(StringComparer.Ordinal)
        {
            ["name"] = Value.Of(macro.Id, Origin.Template),
            ["arguments"] = new ListValue([.. macro.Parameters.Select(parameter => Value.Of(parameter.Name, Origin.Template))],
                tuple: true),
            ["catch_kwargs"] = Value.Of(macro.Uses.Contains("kwargs")),
            ["catch_varargs"] = Value.Of(macro.Uses.Contains("varargs")),
            ["caller"] = Value.Of(macro.Uses.Contains("caller")),
        },
    };

    private Value CallMacro(Macro macro, Scope scope, Arguments arguments)
    {
        Scope inner = new(scope);
        var (parameters, named) = (macro.Parameters, arguments.Named.ToList());
        if (arguments.Positional.Count > parameters.Count && !macro.Uses.Contains("varargs"))
        {
            throw new TemplateException($"macro {Printing.Repr(macro.Id)} takes not more than {parameters.Count} argument(s)");
        }
        if (macro.Uses.Contains("caller") && parameters.All(parameter => parameter.Name != "caller"))
        {
            inner.Set("caller", Taken("caller") ?? new UndefinedValue("No caller defined"));
        }
        for (var i = 0; i < parameters.Count; i++)
        {
            var (name, otherwise) = parameters[i];
            var value = Taken(name);
            if (i < arguments.Positional.Count)
            {
                value = value is null ? arguments.Positional[i]
                    : throw new TemplateException(
                        $"macro {Printing.Repr(macro.Id)} got multiple values for argument {Printing.Repr(name)}");
            }
            inner.Set(name, value ?? (otherwise is null ? new UndefinedValue($"parameter {Printing.Repr(name)} was not provided")
                : Evaluate(otherwise, inner)));
        }
        if (macro.Uses.Contains("varargs"))
        {
            inner.Set("varargs", new ListValue([.. arguments.Positional.Skip(parameters.Count)], tuple: true));
        }
        if (macro.Uses.Contains("kwargs"))
        {
            inner.Set("kwargs", DictMethods.Named(named, Work));
        }
        else if (named.Count > 0)
        {
            throw new TemplateException(named[0].Key == "caller"
                ? $"macro {Printing.Repr(macro.Id)} was invoked with two values for the special caller argument. This is most likely a bug."
                : $"macro {Printing.Repr(macro.Id)} takes no keyword argument {Printing.Repr(named[0].Key)}");
        }
        TextBuilder output = new();
        Run(macro.Body, inner, output);
        return Value.Of(output.ToText());

        Value? Taken(string name)
        {
            var at = named.FindIndex(pair => pair.Key == name);
            if (at < 0)
            {
                return null;
            }
            var value = named[at].Value;
            named.RemoveAt(at);
            return value;
        }
    }
}
