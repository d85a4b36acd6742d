namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>A part of a template. <paramref name="Line"/> is where it begins.</summary>
internal abstract record Node(int Line);

internal abstract record Expression(int Line) : Node(Line);

internal sealed record Constant(int Line, Value Value) : Expression(Line);

internal sealed record Name(int Line, string Id) : Expression(Line);

internal sealed record Collection(int Line, IReadOnlyList<Expression> Items, bool IsTuple) : Expression(Line);

internal sealed record DictLiteral(int Line, IReadOnlyList<(Expression Key, Expression Value)> Entries) : Expression(Line);

internal sealed record Attribute(int Line, Expression Of, string Id) : Expression(Line);

internal sealed record Item(int Line, Expression Of, Expression Index) : Expression(Line);

internal sealed record Slice(int Line, Expression? Start, Expression? Stop, Expression? Step) : Expression(Line);

internal sealed record CallArguments(
    IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named, Expression? Star, Expression? StarStar)
{
    public static readonly CallArguments None = new([], [], null, null);
}

internal sealed record Call(int Line, Expression Callee, CallArguments Arguments) : Expression(Line);

/// <param name="Of">Null for the body of a filter block or a set block.</param>
internal sealed record Filter(int Line, Expression? Of, string Id, CallArguments Arguments) : Expression(Line);

internal sealed record Test(int Line, Expression Of, string Id, CallArguments Arguments) : Expression(Line);

internal sealed record Not(int Line, Expression Of) : Expression(Line);

internal sealed record Logic(int Line, bool IsAnd, Expression Left, Expression Right) : Expression(Line);

/// <param name="Operator">One of + - * / // % **.</param>
internal sealed record Arithmetic(int Line, string Operator, Expression Left, Expression Right) : Expression(Line);

internal sealed record Sign(int Line, bool IsMinus, Expression Of) : Expression(Line);

internal sealed record Concatenation(int Line, IReadOnlyList<Expression> Parts) : Expression(Line);

/// <param name="Rest">Operators (== != &lt; &lt;= &gt; &gt;= in, not in) and what stands at their right.</param>
internal sealed record Comparison(int Line, Expression First, IReadOnlyList<(string Operator, Expression Right)> Rest) : Expression(Line);

internal sealed record Conditional(int Line, Expression Condition, Expression Then, Expression? Else) : Expression(Line);

internal sealed record Literal(int Line, Value Text) : Node(Line);

internal sealed record Print(int Line, Expression Of) : Node(Line);

internal sealed record If(int Line, IReadOnlyList<(Expression Condition, IReadOnlyList<Node> Body)> Branches, IReadOnlyList<Node> Else)
    : Node(Line);

internal sealed record For(int Line, Target Target, Expression Over, Expression? Condition, bool Recursive, IReadOnlyList<Node> Body,
    IReadOnlyList<Node> Else)
    : Node(Line);

internal sealed record Set(int Line, Target Target, Expression Value) : Node(Line);

/// <param name="Filters">What the text goes through; may be null.</param>
internal sealed record SetBlock(int Line, Target Target, Filter? Filters, IReadOnlyList<Node> Body) : Node(Line);

internal sealed record With(int Line, IReadOnlyList<(Target Target, Expression Value)> Values, IReadOnlyList<Node> Body) : Node(Line);

internal sealed record FilterBlock(int Line, Filter Filters, IReadOnlyList<Node> Body) : Node(Line);

internal sealed record Generation(int Line, IReadOnlyList<Node> Body) : Node(Line);

/// <param name="Uses">Which of caller, varargs and kwargs the body speaks of.</param>
internal sealed record Macro(int Line, string Id, IReadOnlyList<(string Name, Expression? Default)> Parameters, IReadOnlyList<Node> Body,
    IReadOnlySet<string> Uses)
    : Node(Line);

internal sealed record CallBlock(int Line, Expression Call, Macro Caller) : Node(Line);

internal sealed record Jump(int Line, bool IsBreak) : Node(Line);

/// <summary>What is assigned to: a name, a namespace's attribute, or several of them.</summary>
internal abstract record Target;

internal sealed record NameTarget(string Id) : Target;

internal sealed record NamespaceTarget(string Id, string Attribute) : Target;

internal sealed record TupleTarget(IReadOnlyList<Target> Parts) : Target;
