using LoraAspire.Model.Generation.Constraints.Terms;
using LoraAspire.Model.Generation.Constraints.Tokens;

namespace LoraAspire.Model.Generation.Constraints;

/// <summary>Holds one answer to a grammar.</summary>
internal sealed class GrammarConstraint(TokenGrammar grammar) : TokenConstraint
{
    private Term _state = grammar.Start;
    private bool _ended;

    public override bool IsComplete => _ended || _state.Kind == TermKind.Empty;

    /// <inheritdoc/>
    /// <exception cref="ConstraintException">No token of the vocabulary can come next, or the schema takes too much work.</exception>
    public override void Mask(Span<float> logits)
    {
        var mask = Allowed();
        if (mask.Count == 0)
        {
            throw new ConstraintException("no token of this model's vocabulary fits what has to come next, so that the answer can't go on. "
                + "Ask without response_format or tool_choice, or ask a model that can write any byte.");
        }
        mask.Apply(logits);
    }

    /// <inheritdoc/>
    /// <exception cref="ConstraintException">The token isn't one of those that <see cref="Mask"/> leaves.</exception>
    public override void Accept(int id)
    {
        if (_ended)
        {
            return;
        }
        if (grammar.IsEnd(id) && _state.MayEnd)
        {
            _ended = true;
            return;
        }
        var next = grammar.IsEnd(id) ? null : grammar.Next(_state, id);
        _state = next is { Kind: not TermKind.Never } state ? state
            : throw new ConstraintException($"the token {id} can't come here: the answer's grammar doesn't allow it.");
    }

    /// <summary>Whether <see cref="Accept"/> would take a token, found by its bytes alone.</summary>
    internal bool Takes(int id) =>
        grammar.IsEnd(id) ? _state.MayEnd : grammar.Next(_state, id).Kind != TermKind.Never;

    internal TokenMask Allowed() => grammar.Mask(ref _state);
}
