using System.Text;

namespace LoraAspire.DataBuild.Written;

/// <summary>What two written items have in common when they say the same: letters and digits, in one case and width; brackets stay, since they mark placeholders.</summary>
internal static class TextKey
{
    public static string Of(string text) => string.Concat(
        text.Normalize(NormalizationForm.FormKC).ToLowerInvariant().Where(letter => char.IsLetterOrDigit(letter) || char.IsSurrogate(letter) || letter is '[' or ']' or '_'));
}
