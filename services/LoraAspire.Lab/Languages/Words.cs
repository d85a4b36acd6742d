using System.Globalization;
using System.Resources;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Lab.Languages;

/// <summary>
/// The words of the pages: English as it stands in them, Chinese in Words.zh.resx, by the English text. What services, stages and models
/// say is English.
/// </summary>
public sealed class Words
{
    private static readonly ResourceManager s_all = new(typeof(Words));

    /// <summary>A text where there is no component, and so no L.</summary>
    /// <param name="places">For {0} and on.</param>
    public static string Of(string text, params object?[] places)
    {
        var said = s_all.GetString(text, CultureInfo.CurrentUICulture) ?? text;
        return places.Length == 0 ? said : string.Format(CultureInfo.InvariantCulture, said, places);
    }

    public static string Of(NotShown trouble) => Of(trouble.Text, [.. trouble.Parts]);
}
