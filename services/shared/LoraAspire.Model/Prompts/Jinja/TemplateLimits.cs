using System.Runtime.CompilerServices;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>What a template, which may be anyone's, can cost.</summary>
internal static class TemplateLimits
{
    /// <summary>Letters of a template. The longest that is published has 30,000.</summary>
    public const int Source = 1 << 20;

    /// <summary>Tags within tags, brackets within brackets, and the operators of one expression.</summary>
    public const int Nesting = 200;

    /// <summary>Nodes within each other as they are evaluated, macros' calls included, and values within values.</summary>
    public const int Depth = 1500;

    /// <summary>Nodes evaluated and list entries made, in one render.</summary>
    public const long Steps = 2_000_000;

    /// <summary>Letters written, copied, searched and compared, in one render.</summary>
    public const long Letters = 1L << 26;

    /// <summary>Letters of one string, the output among them.</summary>
    public const int Text = 1 << 24;

    /// <summary>jinja2's sandbox has the same.</summary>
    public const int Range = 100_000;

    /// <summary>Of whole numbers, which Python doesn't limit.</summary>
    public const int NumberBits = 4096;
}

/// <summary>What is left of <see cref="TemplateLimits"/> in one render.</summary>
internal sealed class Work
{
    private long _steps = TemplateLimits.Steps;
    private long _letters = TemplateLimits.Letters;
    private int _depth;

    /// <exception cref="TemplateException">The template does too much.</exception>
    public void Step(long count = 1)
    {
        if ((_steps -= count) < 0)
        {
            throw new TemplateException($"the template takes more than {TemplateLimits.Steps} steps");
        }
    }

    /// <exception cref="TemplateException">The template makes too much text.</exception>
    public void Letters(long count)
    {
        Fits(count);
        Touch(count);
    }

    /// <summary>Whether a text may be as long; its letters are paid for elsewhere.</summary>
    public void Fits(long length)
    {
        if (length > TemplateLimits.Text)
        {
            throw new TemplateException($"the template makes a text of more than {TemplateLimits.Text} characters");
        }
    }

    /// <summary>A copy of a text, with the origins of its letters.</summary>
    public void Copy(Text text)
    {
        Letters(text.Value.Length);
        Origins(text.Runs.Length);
    }

    /// <summary>Runs of letters of one origin, which cost more than a letter each.</summary>
    public void Origins(long runs) => Touch(runs * 16);

    /// <summary>Letters that are looked at, and none made.</summary>
    public void Touch(long count)
    {
        if (count > TemplateLimits.Letters || (_letters -= count) < 0)
        {
            throw new TemplateException($"the template goes through more than {TemplateLimits.Letters} characters");
        }
    }

    /// <summary>One level further into values within values, or nodes within nodes; <see cref="Leave"/> takes it back.</summary>
    public void Enter()
    {
        Step();
        if (++_depth > TemplateLimits.Depth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateException("the template nests values or calls too deeply: maximum recursion depth exceeded");
        }
    }

    public void Leave() => _depth--;
}
