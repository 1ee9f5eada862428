//! User profiles in training and stress configs.

use lb_core::ordered::Ordered;
use schemars::JsonSchema;
use serde::Deserialize;

/// A kind of user: how fast they act, how long they stay, and what they do.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Profile {
    /// A description for readers; it has no effect.
    #[allow(dead_code, reason = "for readers")]
    pub(crate) description: Option<String>,
    /// Share of the users that have this profile, relative to the sum over all profiles, in patterns without a
    /// `user_behavior_distribution`; 1 by default.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) weight: Option<f64>,
    /// Tags by which `--tags` and `--exclude-tags` select profiles.
    #[schemars(inner(length(min = 1)))]
    pub(crate) tags: Vec<String>,
    /// Longest session in minutes, `[min, max]`.
    #[schemars(inner(range(min = 0, max = 10080)))]
    pub(crate) session_duration_range: Option<[f64; 2]>,
    /// Another name for `session_duration_range`.
    #[schemars(inner(range(min = 0, max = 10080)))]
    pub(crate) session_duration_minutes: Option<[f64; 2]>,
    /// Think time before each action in seconds, `[min, max]`.
    #[schemars(inner(range(min = 0, max = 86400)))]
    pub(crate) think_time_range: Option<[f64; 2]>,
    /// Probabilities of `browse`, `search`, `cart`, `order` and `profile`, or of any actions of the journey by their
    /// names, relative to their sum.
    #[schemars(extend("additionalProperties" = {"type": "number", "minimum": 0, "maximum": 1_000_000}))]
    pub(crate) action_probabilities: Option<Ordered<f64>>,
    /// Number of actions in a session, `[min, max]`.
    #[schemars(inner(range(min = 1, max = 100_000)))]
    pub(crate) pages_per_session: Option<[u32; 2]>,
    /// Number of products added to the cart each time, `[min, max]`.
    #[schemars(inner(range(min = 1, max = 1000)))]
    pub(crate) average_cart_size: Option<[u32; 2]>,
    /// Probability that an order is abandoned at its last step.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) cart_abandonment_rate: Option<f64>,
    /// Share of sessions with a purchase (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) conversion_rate: Option<f64>,
    /// Weight of searching, where `action_probabilities` is absent.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) search_probability: Option<f64>,
    /// Weight of browsing a category, where `action_probabilities` is absent.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) category_browse_probability: Option<f64>,
    /// Probability of viewing the details of a product after browsing.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) product_detail_view_probability: Option<f64>,
    /// Weight of adding to the cart, where `action_probabilities` is absent.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) add_to_cart_probability: Option<f64>,
    /// Weight of ordering, where `action_probabilities` is absent.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) checkout_probability: Option<f64>,
    /// Probability of comparing with a second product (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) price_comparison_probability: Option<f64>,
    /// Share of mobile users (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) mobile_usage_probability: Option<f64>,
    /// Share of users from social media (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) social_media_referral_probability: Option<f64>,
    /// Probability of reading reviews (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) review_reading_probability: Option<f64>,
    /// Probability of using a wish list (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) wishlist_usage_probability: Option<f64>,
    /// Probability of seeking bulk discounts (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) bulk_discount_seeking_probability: Option<f64>,
    /// Probability of being attracted by flash sales (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) flash_sale_attraction_probability: Option<f64>,
    /// Probability of buying with one click (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) one_click_purchase_probability: Option<f64>,
    /// Probability of subscribing (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) subscription_preference_probability: Option<f64>,
    /// Probability of using a loyalty programme (a label without effect).
    #[schemars(range(min = 0, max = 1))]
    pub(crate) loyalty_program_usage_probability: Option<f64>,
}

impl Profile {
    /// Returns the keys of this profile that no request of a journey depends on.
    pub(crate) fn unsteered(&self) -> impl Iterator<Item = &'static str> {
        [
            ("conversion_rate", self.conversion_rate),
            ("price_comparison_probability", self.price_comparison_probability),
            ("mobile_usage_probability", self.mobile_usage_probability),
            ("social_media_referral_probability", self.social_media_referral_probability),
            ("review_reading_probability", self.review_reading_probability),
            ("wishlist_usage_probability", self.wishlist_usage_probability),
            ("bulk_discount_seeking_probability", self.bulk_discount_seeking_probability),
            ("flash_sale_attraction_probability", self.flash_sale_attraction_probability),
            ("one_click_purchase_probability", self.one_click_purchase_probability),
            ("subscription_preference_probability", self.subscription_preference_probability),
            ("loyalty_program_usage_probability", self.loyalty_program_usage_probability),
        ]
        .into_iter()
        .filter_map(|(key, value)| value.map(|_| key))
    }
}
